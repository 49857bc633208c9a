"""What an instance is told of itself."""

from .machines import guest_address


def described(world, instance):
    """(meta-data tree, identity document, user data or None, metadata options), as things stand now."""
    with world.lock:
        name = f"ip-{(instance.address or '127-0-0-1').replace('.', '-')}.{instance.region}.compute.internal"
        groups = "\n".join(name for _, name in instance.groups)
        card = {
            "device-number": "0",
            "interface-id": f"eni-{instance.id[2:]}",
            "local-hostname": name,
            "local-ipv4s": guest_address,
            "mac": instance.mac,
            "network-card": "0",
            "owner-id": instance.owner,
            "public-hostname": "",
            "public-ipv4s": instance.address or "",
            "security-groups": groups,
            "security-group-ids": "\n".join(one for one, _ in instance.groups),
            "subnet-id": instance.subnet_id,
            "subnet-ipv4-cidr-block": "169.254.0.0/16",
            "vpc-id": instance.vpc_id,
            "vpc-ipv4-cidr-block": "169.254.0.0/16",
            "vpc-ipv4-cidr-blocks": "169.254.0.0/16",
        }
        tree = {
            "ami-id": instance.image_id,
            "ami-launch-index": str(instance.index),
            "ami-manifest-path": "(unknown)",
            "block-device-mapping": {"ami": instance.root_device, "root": instance.root_device},
            "events": {"maintenance": {"history": "[]", "scheduled": "[]"}},
            "hostname": name,
            "instance-action": "none",
            "instance-id": instance.id,
            "instance-life-cycle": "on-demand",
            "instance-type": instance.type,
            "local-hostname": name,
            "local-ipv4": instance.address or "",
            "mac": instance.mac,
            "network": {"interfaces": {"macs": {instance.mac: card}}},
            "placement": {"availability-zone": instance.zone, "region": instance.region},
            "profile": "default-hvm",
            "public-hostname": "",
            "public-ipv4": instance.address or "",
            "reservation-id": instance.reservation,
            "security-groups": groups,
            "services": {"domain": "amazonaws.com", "partition": "aws"},
        }
        if instance.public_key:
            tree["public-keys"] = {"0": (f"0={instance.key_name}", {"openssh-key": instance.public_key.strip() + "\n"})}
        if instance.metadata.get("InstanceMetadataTags") == "enabled":
            tree["tags"] = {"instance": dict(instance.tags)}
        document = {
            "accountId": instance.owner,
            "architecture": instance.architecture,
            "availabilityZone": instance.zone,
            "billingProducts": None,
            "devpayProductCodes": None,
            "marketplaceProductCodes": None,
            "imageId": instance.image_id,
            "instanceId": instance.id,
            "instanceType": instance.type,
            "kernelId": None,
            "pendingTime": instance.launched.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "privateIp": instance.address,
            "ramdiskId": None,
            "region": instance.region,
            "version": "2017-09-30",
        }
        return tree, document, instance.user_data, dict(instance.metadata)
