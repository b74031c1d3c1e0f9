#!/bin/bash
echo ECS_CLUSTER = spaced >> /etc/ecs/ecs.config
