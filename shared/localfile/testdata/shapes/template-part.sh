#!/bin/bash
echo ECS_CLUSTER="cluster-${colour}" > /etc/ecs/ecs.config
yum update -y
