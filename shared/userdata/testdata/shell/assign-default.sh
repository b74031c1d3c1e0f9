#!/bin/bash
echo "ECS_CLUSTER=${CLUSTER:=assigned}" >> /etc/ecs/ecs.config
echo "ECS_INSTANCE_ATTRIBUTES={\"c\":\"${CLUSTER^^}\"}" >> /etc/ecs/ecs.config
