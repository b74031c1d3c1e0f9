#!/bin/bash
while IFS='=' read -r key value; do
  echo "${key}=${value}" >> /etc/ecs/ecs.config
done <<'SETTINGS'
ECS_CLUSTER=fromloop
ECS_CONTAINER_STOP_TIMEOUT=90s
SETTINGS
