#!/bin/bash
amazon-linux-extras disable docker
amazon-linux-extras install -y ecs
service docker start
systemctl enable --now --no-block ecs
