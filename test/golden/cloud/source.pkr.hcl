packer {
  required_version = ">= 1.11.0"
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "= 1.3.2"
    }
  }
}

locals {
  region           = "eu-west-1"
  kms_key          = "alias/golden"
  instance_type    = "t3.small"
  disk_gib         = 4
  subnet           = ""
  instance_profile = ""
  ssh_interface    = ""
}

# The AMI that the lock pins, its root device and the least size of a disk that is made of it.
variable "source_ami" {
  type = string
}

variable "root_device" {
  type = string
}

variable "base_gib" {
  type = number
}

variable "ami_name" {
  type = string
}

# JSON: what everything that this run makes is tagged with.
variable "marks" {
  type = string
}

variable "key_pair" {
  type = string
}

variable "security_group" {
  type = string
}

# Another address than the region's own; empty for that.
variable "endpoint" {
  type    = string
  default = ""
}

variable "poll_seconds" {
  type = number
}

variable "poll_attempts" {
  type = number
}

source "amazon-ebs" "image" {
  region                 = local.region
  custom_endpoint_ec2    = var.endpoint
  skip_region_validation = var.endpoint != ""

  # Whose credentials they are was seen before; they come by the environment.
  skip_credential_validation = true

  source_ami           = var.source_ami
  instance_type        = local.instance_type
  subnet_id            = local.subnet
  security_group_id    = var.security_group
  iam_instance_profile = local.instance_profile
  user_data            = format("#cloud-config\n%s\n", file("${path.root}/cloud-init/user-data.json"))
  run_tags             = merge(jsondecode(var.marks), { Name = "build of ${var.ami_name}" })
  run_volume_tags      = merge(jsondecode(var.marks), { Name = "build of ${var.ami_name}" })

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Encrypted from birth: so are the snapshot and the image, and no copy without encryption is ever made.
  launch_block_device_mappings {
    device_name           = var.root_device
    volume_size           = max(local.disk_gib, var.base_gib)
    volume_type           = "gp3"
    delete_on_termination = true
    encrypted             = true
    kms_key_id            = local.kms_key
  }

  ami_name      = var.ami_name
  imds_support  = "v2.0"
  tags          = merge(jsondecode(var.marks), { Name = var.ami_name })
  snapshot_tags = merge(jsondecode(var.marks), { Name = var.ami_name })

  communicator              = "ssh"
  ssh_interface             = local.ssh_interface
  ssh_username              = local.login_user
  ssh_keypair_name          = var.key_pair
  ssh_private_key_file      = var.ssh_private_key_file
  ssh_clear_authorized_keys = false
  ssh_timeout               = "12m"
  ssh_handshake_attempts    = 200

  # The sealed machine powers itself off, which stops the instance and keeps its disk.
  disable_stop_instance = true
  shutdown_behavior     = "stop"

  aws_polling {
    delay_seconds = var.poll_seconds
    max_attempts  = var.poll_attempts
  }
}
