#!/bin/bash
K=ECS_CLUSTER
V=ev
eval "$K=$V"
echo "$K=${!K}" >> /etc/ecs/ecs.config
