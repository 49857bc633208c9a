packer {
  required_version = ">= 1.11.0"
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "= 1.0.9"
    }
  }
}

locals {
  disk_size   = "4G"
  http_serial = "type=1,serial=ds=nocloud-net;s=http://10.0.2.2:{{ .HTTPPort }}/"
  netdev      = "user,id=user.0,hostfwd=tcp:127.0.0.1:{{ .SSHHostPort }}-:22"
}

variable "base_disk" {
  type = string
}

variable "base_sha256" {
  type = string
}

variable "output_directory" {
  type = string
}

variable "console_log" {
  type = string
}

variable "accelerator" {
  type = string
}

variable "cpu_model" {
  type = string
}

variable "memory" {
  type    = number
  default = 1024
}

variable "cpus" {
  type    = number
  default = 2
}

source "qemu" "image" {
  iso_url          = var.base_disk
  iso_checksum     = "sha256:${var.base_sha256}"
  disk_image       = true
  use_backing_file = true
  skip_resize_disk = true
  disk_size        = local.disk_size
  format           = "qcow2"
  output_directory = var.output_directory
  vm_name          = "image.qcow2"

  # The one place where the image is compressed; its digest is its id from then on.
  disk_compression   = true
  disk_interface     = "virtio"
  disk_discard       = "unmap"
  disk_detect_zeroes = "unmap"
  disk_cache         = "unsafe"

  accelerator  = var.accelerator
  cpu_model    = var.cpu_model
  machine_type = "q35"
  cpus         = var.cpus
  memory       = var.memory
  headless     = true
  disable_vnc  = true
  boot_wait    = "-1s"
  net_device   = "virtio-net-pci"

  # slirp would listen on all addresses by default.
  qemuargs = [
    ["-netdev", local.netdev],
    ["-device", "virtio-net-pci,netdev=user.0"],
    ["-device", "virtio-rng-pci"],
    ["-smbios", local.http_serial],
    ["-serial", "file:${var.console_log}"],
    ["-display", "none"],
    ["-vga", "none"],
  ]

  http_bind_address = "127.0.0.1"
  http_content = {
    "/meta-data"   = "instance-id: mintmark-build\nlocal-hostname: localhost\n"
    "/vendor-data" = ""
    "/user-data" = format("#cloud-config\n%s\n", jsonencode(merge(
      jsondecode(file("${path.root}/cloud-init/user-data.json")),
      { ssh_authorized_keys = [var.ssh_public_key] },
    )))
  }

  communicator              = "ssh"
  ssh_username              = local.login_user
  ssh_private_key_file      = var.ssh_private_key_file
  ssh_clear_authorized_keys = false
  ssh_timeout               = "12m"
  ssh_handshake_attempts    = 200

  shutdown_command = local.shutdown_command
  shutdown_timeout = "5m"
}
