# Packer: checks the image that was built, on the machine that built it; a broken one fails the build.
#
# Needs image-preflight on that machine (docs/install.md). source.pkr.hcl has the image's source.
variable "output" {
  type    = string
  default = "output/debian.qcow2"
}

variable "profile" {
  type    = string
  default = "ims-classic"
}

build {
  sources = ["source.qemu.debian"]

  post-processor "shell-local" {
    inline = [
      "rm -f preflight.json",
      "image-preflight check ${var.output} --profile ${var.profile} --format json --output preflight.json && code=0 || code=$?",
      "[ -s preflight.json ] || exit $code",
      "image-preflight merge preflight.json --format html >preflight.html || true",
      "image-preflight merge preflight.json || true",
      "exit $code",
    ]
  }
}
