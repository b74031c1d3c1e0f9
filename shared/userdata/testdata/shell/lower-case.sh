#!/bin/bash
echo ecs_cluster=lower >> /etc/ecs/ecs.config
