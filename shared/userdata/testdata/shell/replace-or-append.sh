#!/bin/bash
echo ECS_CLUSTER=aa >> /etc/ecs/ecs.config
if grep -q '^ECS_CLUSTER=' /etc/ecs/ecs.config; then
  sed -i 's/^ECS_CLUSTER=.*/ECS_CLUSTER=bb/' /etc/ecs/ecs.config
else
  echo ECS_CLUSTER=cc >> /etc/ecs/ecs.config
fi
