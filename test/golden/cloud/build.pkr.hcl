locals {
  login_user       = "admin"
  sources          = ["source.amazon-ebs.image"]
  execute_command  = "chmod 0700 {{ .Path }}; sudo -n env {{ .Vars }} sh {{ .Path }}"
  shutdown_command = "sudo -n sh /run/mintmark-last.sh"
}

variable "ssh_private_key_file" {
  type = string
}

variable "ssh_public_key" {
  type = string
}

variable "version" {
  type = string
}

variable "archive_mirror" {
  type = string
}

variable "security_mirror" {
  type = string
}

variable "http_proxy" {
  type    = string
  default = ""
}

# NAME=URL pairs: where the team's repositories are read from in this build.
variable "repo_mirrors" {
  type    = string
  default = ""
}

variable "results" {
  type = string
}

# A folder on tmpfs; a file in it is one secret.
variable "secrets" {
  type    = string
  default = ""
}

build {
  sources = local.sources

  provisioner "shell" {
    script          = "${path.root}/guest/prepare.sh"
    execute_command = local.execute_command
    env = {
      MINTMARK_VERSION         = var.version
      MINTMARK_ARCHIVE_MIRROR  = var.archive_mirror
      MINTMARK_SECURITY_MIRROR = var.security_mirror
      MINTMARK_HTTP_PROXY      = var.http_proxy
      MINTMARK_REPO_MIRRORS    = var.repo_mirrors
    }
  }

  provisioner "file" {
    source      = "${path.root}/guest/mintmark-check"
    destination = "/tmp/mintmark-check"
  }

  provisioner "shell" {
    script          = "${path.root}/guest/harden.sh"
    execute_command = local.execute_command
  }

  provisioner "shell" {
    script            = "${path.root}/guest/reboot.sh"
    execute_command   = local.execute_command
    expect_disconnect = true
    skip_clean        = true
  }

  provisioner "shell" {
    script              = "${path.root}/guest/check.sh"
    execute_command     = local.execute_command
    start_retry_timeout = "15m"
  }

  provisioner "file" {
    direction   = "download"
    sources     = ["/tmp/mintmark-check.json", "/tmp/packages.tsv"]
    destination = "${var.results}/"
  }

  provisioner "file" {
    source      = "${path.root}/guest/last.sh"
    destination = "/tmp/mintmark-last.sh"
  }

  provisioner "shell" {
    script          = "${path.root}/guest/seal.sh"
    execute_command = local.execute_command
    skip_clean      = true
  }

  # The machine powers itself off: nothing runs in it any more once it is sealed.
  provisioner "shell" {
    script            = "${path.root}/guest/last.sh"
    execute_command   = local.execute_command
    expect_disconnect = true
    skip_clean        = true
  }

  post-processor "manifest" {
    output = "${var.results}/manifest.json"
  }
}
