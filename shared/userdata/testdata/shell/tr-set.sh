#!/bin/bash
set -- alpha beta
echo ECS_CLUSTER=$2-$# >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES={\"first\":\"$1\"}" >> /etc/ecs/ecs.config
