#!/bin/bash
until curl -s http://169.254.169.254/latest/meta-data/ >/dev/null; do sleep 1; done
n=0
while [ $n -lt 2 ]; do n=$((n+1)); done
echo ECS_CLUSTER=waited-$n >> /etc/ecs/ecs.config
