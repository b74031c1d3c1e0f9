#!/bin/bash
export CLUSTER=prod
sudo bash -c 'echo "ECS_CLUSTER=$CLUSTER" >> /etc/ecs/ecs.config'
sudo bash -c "echo ECS_B=$CLUSTER >> /etc/ecs/ecs.config"
env -i bash -c 'echo ECS_C=$CLUSTER >> /etc/ecs/ecs.config'
