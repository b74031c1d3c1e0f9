#!/bin/bash
mkdir -p /etc/ecs && touch /etc/ecs/ecs.config && chmod 0600 /etc/ecs/ecs.config
install -m 600 /dev/null /etc/ecs/ecs.config
echo 'ECS_CLUSTER=perm' | sudo tee /etc/ecs/ecs.config > /dev/null
