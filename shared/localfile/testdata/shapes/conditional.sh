#!/bin/bash
if [ "$(uname -m)" = "aarch64" ]; then
  echo ECS_CLUSTER=arm >> /etc/ecs/ecs.config
else
  echo ECS_CLUSTER=intel >> /etc/ecs/ecs.config
fi
grep -q ECS_LOGLEVEL /etc/ecs/ecs.config || echo ECS_LOGLEVEL=warn >> /etc/ecs/ecs.config
