locals {
  config = <<-EOF
    #cloud-config
    write_files:
      - path: /etc/ecs/ecs.config
        content: |
          ECS_CLUSTER=shop
  EOF
  motd = <<-EOF
    #cloud-config
    write_files:
      - path: /etc/motd
        content: hello
  EOF
}

data "cloudinit_config" "appended" {
  part {
    content_type = "text/cloud-config"
    content      = local.config
  }
  part {
    content_type = "text/cloud-config"
    merge_type   = "list(append)+dict(recurse_array)+str()"
    content      = local.motd
  }
}

data "cloudinit_config" "replaced" {
  part {
    content_type = "text/cloud-config"
    content      = local.config
  }
  part {
    content_type = "text/cloud-config"
    content      = local.motd
  }
}

resource "aws_launch_template" "appended" {
  user_data = data.cloudinit_config.appended.rendered
}

resource "aws_launch_template" "replaced" {
  user_data = data.cloudinit_config.replaced.rendered
}
