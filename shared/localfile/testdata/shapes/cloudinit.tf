locals {
  cluster = "shop"
  user_data = <<-EOT
    #!/bin/bash
    cat <<'EOF' >> /etc/ecs/ecs.config
    ECS_CLUSTER=${local.cluster}
    ECS_CONTAINER_INSTANCE_TAGS=${jsonencode(var.tags)}
    EOF
  EOT
}

data "cloudinit_config" "ecs" {
  gzip          = true
  base64_encode = true
  part {
    content_type = "text/cloud-config"
    content      = <<-EOF
      #cloud-config
      write_files:
        - path: /etc/ecs/ecs.config
          content: |
            ECS_CLUSTER=${local.cluster}
            ECS_LOGLEVEL=info
    EOF
  }
  part {
    content_type = "text/x-shellscript"
    content      = "#!/bin/bash\necho ECS_ENABLE_GPU_SUPPORT=true >> /etc/ecs/ecs.config\n"
  }
}

resource "aws_launch_template" "ecs" {
  user_data = data.cloudinit_config.ecs.rendered
}
