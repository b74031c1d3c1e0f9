#!/bin/sh
if true; then
	cat <<-'EOT' >/etc/ecs/ecs.config
	ECS_CLUSTER=tabbed
		ECS_LOGLEVEL=warn
	EOT
fi
