#!/bin/bash
echo -en 'ECS_CLUSTER=en\n' >> /etc/ecs/ecs.config
echo -E 'ECS_LOGLEVEL=warn' >> /etc/ecs/ecs.config
