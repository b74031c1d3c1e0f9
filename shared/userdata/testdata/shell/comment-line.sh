#!/bin/bash
#echo "ECS_CLUSTER=old" >> /etc/ecs/ecs.config
echo ECS_CLUSTER=real # the cluster >> /etc/ecs/ecs.config
