#!/bin/bash
echo ECS_CLUSTER=ml \
  | tee -a \
  /etc/ecs/ecs.config
