#cloud-config
write_files:
- path: /etc/ecs/ecs.config
  append: true
  content: "ECS_CLUSTER=${cluster_name}\nECS_ENABLE_CONTAINER_METADATA=true\n"
%{ if extra != "" ~}
runcmd:
- echo done
%{ endif ~}
