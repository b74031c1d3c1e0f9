#!/bin/bash
# The ECS agent reads ECS_CLUSTER from this file.
cat >> /etc/ecs/ecs.config <<'DONE'
ECS_CLUSTER=${cluster_name}
ECS_ENABLE_TASK_IAM_ROLE=true
ECS_CONTAINER_STOP_TIMEOUT=30s
DONE
echo 'OPTIONS="$${OPTIONS} --storage-opt dm.basesize=20G"' >> /etc/sysconfig/docker
