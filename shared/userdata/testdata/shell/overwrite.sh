#!/bin/bash
echo ECS_CLUSTER=lost >> /etc/ecs/ecs.config
echo ECS_LOGLEVEL=debug > /etc/ecs/ecs.config
