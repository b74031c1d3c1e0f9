#!/bin/bash
settings=(
  "ECS_CLUSTER=batch-1"
  "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true"
  "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached"
)
for s in "${settings[@]}"; do
  echo "$s" >> /etc/ecs/ecs.config
done
