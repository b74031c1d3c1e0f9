#!/bin/bash
case $(uname -m) in
  x86_64) echo ECS_CLUSTER=same >> /etc/ecs/ecs.config ;;
  *) echo ECS_CLUSTER=same >> /etc/ecs/ecs.config ;;
esac
