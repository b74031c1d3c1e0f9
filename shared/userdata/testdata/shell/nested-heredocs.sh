#!/bin/bash
cat > /tmp/setup.sh <<'OUTER'
#!/bin/bash
cat > /etc/ecs/ecs.config <<INNER
ECS_CLUSTER=${1}
ECS_LOGLEVEL=${2:-warn}
INNER
OUTER
chmod +x /tmp/setup.sh
/tmp/setup.sh nested
