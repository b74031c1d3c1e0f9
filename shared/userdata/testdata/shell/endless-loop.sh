#!/bin/bash
while :; do
  echo ECS_CLUSTER=loop >> /etc/ecs/ecs.config
  break
done
