locals {
  ecs_config_lines = concat(
    ["ECS_CLUSTER=${var.cluster_name}"],
    [for key in sort(keys(var.opts)) : "${key}=${var.opts[key]}"],
  )
  container_instance_user_data = <<-EOT
    #!/bin/bash
    set -x
    mkdir -p /etc/ecs
    cat > /etc/ecs/ecs.config << 'TFECSCONFIG'
    ${join("\n", local.ecs_config_lines)}
    TFECSCONFIG
    mkdir -p ${var.host_volume_path}
    EOT
}
resource "aws_launch_template" "t" { user_data = base64encode(local.container_instance_user_data) }
