#!/bin/bash
echo a > /etc/ecs/ecs.config
: > /etc/ecs/ecs.config
echo b >> /etc/ecs/ecs.config
> /etc/ecs/ecs.config
truncate -s 0 /etc/ecs/ecs.config
echo c >> /etc/ecs/ecs.config
cp /dev/null /etc/ecs/ecs.config
echo d >> /etc/ecs/ecs.config
