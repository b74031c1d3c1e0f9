#!/bin/bash
echo -e "ECS_CLUSTER=multi\nECS_BACKEND_HOST=\nECS_LOGLEVEL=warn" >> /etc/ecs/ecs.config
