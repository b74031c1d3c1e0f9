#!/bin/bash
GPU=false
if [ "$GPU" = true ]; then
  echo ECS_ENABLE_GPU_SUPPORT=true >> /etc/ecs/ecs.config
else
  echo ECS_RESERVED_MEMORY=128 >> /etc/ecs/ecs.config
fi
echo ECS_CLUSTER=gpu-or-not >> /etc/ecs/ecs.config
