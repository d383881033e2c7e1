packer {
  required_plugins {
    qemu = {
      version = ">= 1.1.0"
      source  = "github.com/hashicorp/qemu"
    }
  }
}

variable "base" {
  type        = string
  description = "A cloud image to start from"
}

source "qemu" "debian" {
  iso_url          = var.base
  iso_checksum     = "none" # better: the checksum that the image was published with
  disk_image       = true
  format           = "qcow2"
  output_directory = "output"
  vm_name          = "debian.qcow2"
  ssh_username     = "debian"
  shutdown_command = "sudo shutdown -P now"
}
