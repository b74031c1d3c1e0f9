#!/bin/bash
echo ECS_CLUSTER=semi >> /etc/ecs/ecs.config;echo ECS_BACKEND_HOST= >> /etc/ecs/ecs.config;
