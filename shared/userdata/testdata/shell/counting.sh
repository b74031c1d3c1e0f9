#!/bin/bash
n=1; ((n++)); let n=n*3; n=$(expr $n + 1)
echo ECS_CLUSTER=n$n >> /etc/ecs/ecs.config
