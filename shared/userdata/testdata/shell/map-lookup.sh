#!/bin/bash
MAP="prod:cluster-p
dev:cluster-d"
ENVNAME=dev
CL=$(echo "$MAP" | grep "^$ENVNAME:" | cut -d: -f2)
echo "ECS_CLUSTER=$CL" >> /etc/ecs/ecs.config
