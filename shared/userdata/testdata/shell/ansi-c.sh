#!/bin/bash
printf %s $'ECS_CLUSTER=ansi\nECS_LOGLEVEL=warn\n' >> /etc/ecs/ecs.config
