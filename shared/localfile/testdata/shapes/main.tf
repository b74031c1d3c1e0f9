resource "aws_ecs_cluster" "main" {
  name = "shop"
}

resource "aws_launch_template" "ecs" {
  name_prefix = "ecs-"
  user_data = base64encode(<<-EOF
      #!/bin/bash
      echo ECS_CLUSTER=${aws_ecs_cluster.main.name} >> /etc/ecs/ecs.config
      echo ECS_LOGLEVEL=verbose >> /etc/ecs/ecs.config
    EOF
  )
}

resource "aws_launch_configuration" "old" {
  user_data = "#!/bin/bash\necho 'ECS_CLUSTER=${var.cluster}' > /etc/ecs/ecs.config && echo ECS_ENGINE_AUTH_TYPE=dockercfg >> /etc/ecs/ecs.config"
}
