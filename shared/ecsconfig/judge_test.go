package ecsconfig_test

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding/findingtest"
)

var update = flag.Bool("update", false, "write the golden files again")

func basic(credential string) string { return base64.StdEncoding.EncodeToString([]byte(credential)) }

func docker(entries string) string {
	return "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + entries + "}\n"
}

func dockercfg(entries string) string {
	return "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={" + entries + "}\n"
}

func login(key string) string { return `"` + key + `":{"username":"ci","password":"hunter-canary"}` }

// utf16 encodes ASCII text.
func utf16(text string) string {
	var encoded strings.Builder
	encoded.WriteString("\xff\xfe")
	for i := range len(text) {
		encoded.WriteByte(text[i])
		encoded.WriteByte(0)
	}
	return encoded.String()
}

// files are what people upload. The findings about each are in
// testdata/findings.golden, where a reviewer reads them.
var files = map[string]string{
	"fine/minimal":                "ECS_CLUSTER=prod\n",
	"fine/empty":                  "",
	"fine/blank":                  "\n \n",
	"fine/crlf":                   "ECS_CLUSTER=prod\r\nECS_LOGLEVEL=debug\r\n",
	"fine/comments":               "# a\n\n#b=c\n  # ECS_CLUSTER=x\nECS_CLUSTER=prod\n",
	"fine/arn":                    "ECS_CLUSTER=arn:aws:ecs:us-east-1:123456789012:cluster/prod\n",
	"fine/arn in its region":      "ECS_CLUSTER=arn:aws-us-gov:ecs:us-gov-west-1:123456789012:cluster/prod\nAWS_DEFAULT_REGION=us-gov-west-1\n",
	"fine/spaces at line ends":    "  ECS_CLUSTER=prod \t\n",
	"fine/dockercfg":              dockercfg(`"https://index.docker.io/v1/":{"auth":"` + basic("ci:hunter:canary") + `","email":"a@b.c"}`),
	"fine/docker":                 docker(login("r.example.com:5000") + "," + login("https://index.docker.io/v1/") + "," + login("localhost")),
	"fine/identity token":         docker(`"r.example.com":{"identitytoken":"hunter-canary"}`),
	"fine/field names any case":   docker(`"r.example.com":{"Username":"ci","PASSWORD":"hunter-canary"}`),
	"fine/paths with a bare host": docker(login("r.tld") + "," + login("r.tld/team/")),
	"fine/password with spaces":   docker(`"r.tld":{"username":"ci","password":"correct horse # = ; ECS_CLUSTER=x \" \\ battery"}`),
	"fine/both auth empty":        "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=\nECS_ENGINE_AUTH_DATA=\n",
	"fine/backend host empty":     "ECS_CLUSTER=prod\nECS_BACKEND_HOST=\n",
	"fine/external":               "ECS_CLUSTER=prod\nECS_EXTERNAL=true\nAWS_DEFAULT_REGION=eu-central-1\n",
	"fine/polling":                "ECS_POLL_METRICS=true\nECS_POLLING_METRICS_WAIT_DURATION=15s\n",
	"fine/proxy":                  "HTTP_PROXY=10.0.0.131:3128\nNO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock\n",
	"fine/log options":            "ECS_LOG_DRIVER=awslogs\nECS_LOG_OPTS={\"awslogs-group\":\"g\"}\n",
	"fine/log level with driver":  "ECS_LOGLEVEL=crit\nECS_LOG_DRIVER=journald\n",
	"fine/booleans":               "ECS_DISABLE_METRICS=T\nECS_ENABLE_TASK_ENI=1\nECS_DISABLE_PRIVILEGED=False\nAWS_USE_FIPS_ENDPOINT=TRUE\n",
	"fine/durations":              "ECS_CONTAINER_STOP_TIMEOUT=1h2m3.5s\nECS_IMAGE_PULL_TIMEOUT=+2h\nECS_CGROUP_CPU_PERIOD=10ms\nECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER=0\n",
	"fine/numbers":                "ECS_RESERVED_MEMORY=0\nECS_TASK_PIDS_LIMIT=4194304\nECS_LOG_MAX_FILE_SIZE_MB=0.5\nAWS_MAX_ATTEMPTS=5\n",
	"fine/lists":                  "ECS_RESERVED_PORTS=[22, 80]\nECS_AVAILABLE_LOGGING_DRIVERS=[\"awsfirelens\",\"none\"]\nECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES=[\"10.0.15.0/24\",\"fd00::/8\"]\nECS_VOLUME_PLUGIN_CAPABILITIES=[\"efsAuth\"]\n",
	"fine/maps":                   "ECS_INSTANCE_ATTRIBUTES={\"stack\":\"prod\",\"a/b.c_d-e\":\"x: y@z\\\\w\"}\nECS_CONTAINER_INSTANCE_TAGS={\"Name\":\"Überwachung 1\",\"empty\":\"\"}\nECS_AGENT_LABELS={\"a\":\"b\"}\n",
	"fine/images":                 "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\nECS_EXCLUDE_UNTRACKED_IMAGE=alpine:latest,r.tld:5000/a:1\n",

	"file/utf-16":                    utf16("ECS_CLUSTER=prod\n"),
	"file/utf-16 comment":            utf16("# nothing to see here\n"),
	"file/utf-16 without mark":       utf16("ECS_CLUSTER=prod\n")[2:],
	"file/byte order mark":           "\ufeffECS_CLUSTER=prod\n",
	"file/byte order mark, comment":  "\ufeff# c = d\nECS_CLUSTER=prod\n",
	"file/byte order mark, setting":  "\ufeffECS_RESERVED_MEMORY=32\nECS_CLUSTER=prod\n",
	"file/byte order mark, unknown":  "\ufefffoo=bar\n",
	"file/byte order mark, NUL":      "\ufeffECS_RESERVED_MEMORY=32\x00\nECS_CLUSTER=prod\n",
	"file/byte order mark, too long": "\ufeffECS_LOGFILE=" + strings.Repeat("x", 131072) + "\nECS_CLUSTER=prod\n",
	"file/utf-16 mark alone":         "\xff\xfe\nECS_CLUSTER=prod\nECS_RESERVED_PORTS=['22']\n",
	"file/byte order mark, blank":    "\ufeff\nECS_CLUSTER=prod\n",
	"file/NUL in a value":            "ECS_CLUSTER=prod\x00\n",
	"file/NUL in a commented value":  "ECS_CLUSTER=prod\n# a\x00b=c\n",
	"file/NUL in a comment":          "# a\x00b\nECS_CLUSTER=prod\n",
	"file/NUL beside log driver":     "# a\x00b\nECS_CLUSTER=prod\nECS_LOG_DRIVER=awslogs\n",
	"file/not UTF-8 beside driver":   "ECS_CONTAINER_INSTANCE_TAGS={\"n\":\"caf\xe9\"}\nECS_LOG_DRIVER=awslogs\n",
	"file/no final newline":          "ECS_CLUSTER=prod",
	"file/JSON":                      "{\n \"Cluster\": \"prod\"\n}\n",
	"file/lone CR":                   "ECS_CLUSTER=prod\rECS_LOGLEVEL=debug\r",
	"file/too long":                  "ECS_CLUSTER=prod\nECS_CONTAINER_INSTANCE_TAGS={\"a\":\"" + strings.Repeat("x", 131072) + "\"}\n",
	"file/docker run only":           "ECS_CLUSTER=prod\nECS_EXCLUDE_UNTRACKED_IMAGE=" + strings.Repeat("a:b,", 20000) + "a:b\nECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\n",
	"file/script":                    "#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=prod\nEOF\necho ECS_LOGLEVEL=debug >> /etc/ecs/ecs.config\n",
	"file/vertical tab, systemd":     "ECS_CLUSTER=prod\nECS_LOG_DRIVER=awslogs\v\n",
	"file/backslash, systemd":        "ECS_CLUSTER=prod\nECS_LOGFILE=/log/x\\\nECS_LOG_DRIVER=awslogs\n",
	"file/comment backslash":         "ECS_CLUSTER=prod\n# see C:\\\nECS_LOG_DRIVER=awslogs\n",
	"file/systemd alone understands": "ECS_CLUSTER=prod\nECS_AGENT_PID_NAMESPACE_HOST=\"true\"\n",

	"line/no equals sign":      "ECS_CLUSTER prod\n",
	"line/bare name":           "ECS_CLUSTER\n",
	"line/YAML":                "---\necs:\nECS_CLUSTER: prod\n- ECS_LOGLEVEL: debug\n",
	"line/prose":               "This file configures the agent.\nECS_CLUSTER=prod\n",
	"line/colon misspelt":      "ECS_CLUSTR: prod\n",
	"line/semicolon comments":  "; a\n;ECS_CLUSTER=x\nECS_CLUSTER=prod\n",
	"line/empty name":          "=prod\n",
	"line/separator":           "# ----\n=======\nECS_CLUSTER=prod\n",
	"line/export":              "export ECS_CLUSTER=prod\nexport ECS_ENGINE_AUTH_TYPE=docker\nexport FOO=bar\n",
	"line/spaces":              "ECS_CLUSTER = prod\nECS_LOGLEVEL\t=debug\n",
	"line/quoted name":         "\"ECS_CLUSTER\"=prod\n",
	"line/dockerfile":          "ENV ECS_CLUSTER=prod\n",
	"line/yaml list":           "- ECS_CLUSTER=prod\n",
	"line/malformed, unknown":  "a b=c\n",
	"line/beside the right":    "export ECS_CLUSTER=staging\nECS_CLUSTER=prod\n",
	"line/multi-line auth":     "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\n  \"r.tld\": {\n    \"auth\": \"" + basic("ci:hunter-canary!") + "\"\n  }\n}\nECS_LOGLEVEL=info\n",
	"line/multi-line tags":     "ECS_CONTAINER_INSTANCE_TAGS={\"a\":\"b\",\n \"c\":\"d\"}\n",
	"line/multi-line ports":    "ECS_RESERVED_PORTS=[22,\n80]\n",
	"line/multi-line, quoted":  "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA='{\n\"r.tld\":{\"username\":\"ci\",\n\"password\":\"hunter-canary\"}}'\n",
	"line/multi-line unknown":  "MY_LIST=[\n1\n]\n",
	"line/wrapped base64":      "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"r.tld\":{\"auth\":\"Y2k6aHVudGVyLWNhbmFyeS1jYW5hcnkt\nY2FuYXJ5LWNhbmFyeQ==\"}}\n",
	"line/empty in multi-line": "ECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"r.tld\":{\"auth\":\"YQ\n==\"}}\n",
	"line/duplicates":          "ECS_CLUSTER=a\nECS_CLUSTER=b\nECS_CLUSTER=c\n",

	"name/misspelt":          "ECS_CLUSTR=prod\nECS_ENGINE_CLEANUP_WAIT_DURATION=1h\n",
	"name/lower case":        "ecs_cluster=prod\nEcs_Loglevel=debug\n",
	"name/habit":             "CLUSTER=prod\nREGION=us-east-1\n",
	"name/habit beside":      "CLUSTER=prod\nECS_CLUSTER=prod\n",
	"name/unknown":           "FOO=bar\nECS_SOMETHING_ELSE_ENTIRELY=1\nmyPassword1234=hunter-canary\n",
	"fine/of Go's runtime":   "GODEBUG=netdns=go\nAWS_SDK_UA_APP_ID=x\n",
	"name/auth misspelt":     "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTHDATA={" + login("r.tld") + "}\n",
	"name/auth type missing": "ECS_CLUSTER=prod\nECS_ENGINE_AUTHTYPE=docker\nECS_ENGINE_AUTH_DATA={" + login("r.tld") + "}\n",
	"name/Windows":           "ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED=true\n",
	"name/dead":              "ECS_OFFHOST_INTROSPECTION_INTERFACE_NAME=eth1\n",
	"name/internal":          "ECS_DETAILED_OS_FAMILY=debian_11\nZZZ_SKIP_DOMAIN_JOIN_CHECK_NOT_SUPPORTED_IN_PRODUCTION=true\n",

	"value/quoted":                                        "ECS_CLUSTER=\"prod\"\nECS_ENABLE_TASK_IAM_ROLE='false'\nECS_LOGFILE=\"/log/x\"\nECS_CONTAINER_INSTANCE_TAGS='{\"a\":\"b\"}'\n",
	"value/quoted twice":                                  "ECS_CONTAINER_INSTANCE_TAGS=\"{\\\"a\\\":\\\"b\\\"}\"\n",
	"value/quoted, semicolon":                             "ECS_CLUSTER=\"prod\";\n",
	"value/leading space":                                 "ECS_CLUSTER= prod\nECS_RESERVED_MEMORY= 32\nECS_LOGFILE= /log/x\nECS_ENABLE_TASK_ENI= true\n",
	"value/redirection":                                   "ECS_CLUSTER=prod >> /etc/ecs/ecs.config\nECS_RESERVED_MEMORY=32 | sudo tee -a /etc/ecs/ecs.config\nNO_PROXY=169.254.169.254,/var/run/docker.sock > $config\n",
	"value/checkpoint":                                    "ECS_CHECKPOINT=yes\nECS_LOGLEVEL=info\n",
	"fine/checkpoint empty":                               "ECS_CHECKPOINT=\n",
	"value/no data directory":                             "ECS_DATADIR=\n",
	"value/data directory's default":                      "ECS_DATADIR=\nECS_CHECKPOINT=true\n",
	"value/of idle variables":                             "ECS_FSX_WINDOWS_FILE_SERVER_SUPPORTED=yes\nZZZ_SKIP_DOMAIN_LESS_CHECK_NOT_SUPPORTED_IN_PRODUCTION=\nECS_OFFHOST_INTROSPECTION_INTERFACE_NAME=\"eth1\"\n",
	"value/log driver needs a group":                      "ECS_LOG_DRIVER=awslogs\n",
	"value/log driver needs options":                      "ECS_LOG_DRIVER=splunk\nECS_LOG_OPTS={\"splunk-url\":\"https://splunk.example.com:8088\"}\n",
	"value/comment":                                       "ECS_CLUSTER=prod # the cluster\nECS_LOGFILE=/log/x\t# log\nECS_RESERVED_PORTS=[22] # ssh\n",
	"value/semicolon":                                     "ECS_CLUSTER=prod;\n",
	"value/line separator":                                "ECS_CLUSTER=prod\u2028ECS_LOGLEVEL=debug\n",
	"value/two on a line":                                 "ECS_CLUSTER=prod ECS_LOGLEVEL=debug\n",
	"value/appended":                                      "ECS_LOGLEVEL=infoECS_CLUSTER=prod\n",
	"value/appended to text":                              "ECS_LOGFILE=/log/xECS_ENGINE_AUTH_DATA={" + login("r.tld") + "}\nECS_CLUSTER=prod\n",
	"value/appended to auth":                              docker(login("r.tld"))[:len(docker(login("r.tld")))-1] + "ECS_LOGLEVEL=debug\n",
	"value/placeholder":                                   "ECS_CLUSTER=${cluster}\nECS_LOGFILE=/log/{{name}}\nECS_RESERVED_MEMORY=$MEMORY\nECS_INSTANCE_ATTRIBUTES=<attributes>\n",
	"value/empty":                                         "ECS_CLUSTER=\nECS_ENABLE_TASK_IAM_ROLE=\nECS_DATADIR=\nECS_LOGFILE=\nECS_LOGLEVEL=\nECS_EBSTA_SUPPORTED=\nECS_RESERVED_PORTS=\n",
	"value/cluster":                                       "ECS_CLUSTER=my cluster\n",
	"value/inside an unknown one":                         "Environment=\"ECS_CLUSTER=prod\"\nFOO=1 ECS_LOGLEVEL=debug\n",
	"value/likely ones":                                   "ECS_RESERVED_MEMORY=256MB\nECS_CGROUP_CPU_PERIOD=100000\nECS_IMAGE_CLEANUP_INTERVAL=5\nECS_CONTAINER_STOP_TIMEOUT=90\n",
	"value/more templates":                                "ECS_CLUSTER={% if prod %}prod{% endif %}\nECS_LOGFILE=%LOGFILE%\n",
	"value/proxy's scheme":                                "HTTPS_PROXY=socks5h://proxy:1080\nNO_PROXY=169.254.169.254,/var/run/docker.sock\n",
	"value/SDK, authorities":                              "AWS_CA_BUNDLE=/usr/local/share/ca.pem\n",
	"fine/SDK, authorities":                               "AWS_CA_BUNDLE=/etc/ecs/ca.pem\n",
	"value/invisible":                                     "ECS_CLUSTER=\u202eprod\nECS_LOGLEVEL=debug\u200b\n",
	"value/cluster too long":                              "ECS_CLUSTER=" + strings.Repeat("x", 256) + "\n",
	"value/cluster all space":                             "ECS_CLUSTER=\u00a0\n",
	"value/cluster elsewhere":                             "ECS_CLUSTER=arn:aws:ecs:us-east-1:123456789012:cluster/prod\nAWS_DEFAULT_REGION=eu-west-1\n",
	"value/region":                                        "AWS_DEFAULT_REGION=us-east-1a\n",
	"value/booleans":                                      "ECS_DISABLE_METRICS=yes\nECS_ENABLE_TASK_ENI=off\nECS_EBSTA_SUPPORTED=2\nECS_EXTERNAL=T\nAWS_DEFAULT_REGION=us-east-1\nECS_ENABLE_GPU_SUPPORT=1\nECS_AGENT_RUN_PRIVILEGED=yes\nECS_SKIP_LOCALHOST_TRAFFIC_FILTER=on\n",
	"value/SDK":                                           "AWS_USE_FIPS_ENDPOINT=yes\nAWS_EC2_METADATA_DISABLED=1\nAWS_MAX_ATTEMPTS=three\nAWS_RETRY_MODE=legacy\nAWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6\n",
	"value/durations":                                     "ECS_CONTAINER_STOP_TIMEOUT=30\nECS_CONTAINER_START_TIMEOUT=10s\nECS_IMAGE_CLEANUP_INTERVAL=1m\nECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1d\nECS_CONTAINER_CREATE_TIMEOUT=0\nECS_CGROUP_CPU_PERIOD=1s\nECS_IMAGE_MINIMUM_CLEANUP_AGE=-1h\n",
	"value/SDK, words of its own":                         "AWS_DEFAULTS_MODE=fast\nAWS_ACCOUNT_ID_ENDPOINT_MODE=Required\nAWS_S3_USE_ARN_REGION=TRUE\nAWS_DISABLE_REQUEST_COMPRESSION=\nAWS_REQUEST_CHECKSUM_CALCULATION=never\nAWS_REQUEST_CHECKSUM_CALCULATION=when_required\n",
	"value/SDK, profile without a file":                   "AWS_PROFILE=ops\n",
	"value/SDK, token without a role":                     "AWS_WEB_IDENTITY_TOKEN_FILE=/etc/ecs/token\n",
	"value/SDK, no URL":                                   "AWS_CONTAINER_CREDENTIALS_FULL_URI=localhost\n",
	"fine/SDK, profile in a file":                         "AWS_PROFILE=ops\nAWS_CONFIG_FILE=/etc/ecs/aws\n",
	"value/durations of zero":                             "ECS_CGROUP_CPU_PERIOD=0\nECS_CONTAINER_STOP_TIMEOUT=0s\n",
	"value/JSON with escaped quotes, and a line after it": "ECS_INSTANCE_ATTRIBUTES={\\\"a\\\":\\\"b\\\"}\nECS_CLUSTER=prod\n",
	"value/polling":                                       "ECS_POLL_METRICS=1\nECS_POLLING_METRICS_WAIT_DURATION=1s\n",
	"value/polling off":                                   "ECS_POLLING_METRICS_WAIT_DURATION=10s\n",
	"value/jitter":                                        "ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER=-1s\n",
	"value/pull timeout":                                  "ECS_IMAGE_PULL_TIMEOUT=-1s\n",
	"value/pull timeout tiny":                             "ECS_IMAGE_PULL_TIMEOUT=5s\n",
	"value/numbers":                                       "ECS_RESERVED_MEMORY=70000\nECS_NUM_IMAGES_DELETE_PER_CYCLE=0\nECS_TASK_PIDS_LIMIT=0\nECS_LOG_MAX_FILE_SIZE_MB=-1\nECS_LOG_MAX_ROLL_COUNT=ten\nECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\nNONECS_NUM_CONTAINERS_DELETE_PER_CYCLE=-1\n",
	"value/words":                                         "ECS_IMAGE_PULL_BEHAVIOR=Always\nECS_LOG_DRIVER=awslog\nECS_LOG_OUTPUT_FORMAT=xml\nECS_LOG_ROLLOVER_TYPE=weekly\nECS_INSTANCE_IP_COMPATIBILITY=dual\nECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM=ec2-instance\n",
	"value/log levels":                                    "ECS_LOGLEVEL=crit\nECS_LOGLEVEL_ON_INSTANCE=verbose\n",
	"value/log level, instance":                           "ECS_LOGLEVEL=INFO\nECS_LOGLEVEL_ON_INSTANCE=info\n",
	"value/log level, none":                               "ECS_LOGLEVEL=verbose\n",
	"value/ports":                                         "ECS_RESERVED_PORTS=[22,70000,80]\nECS_RESERVED_PORTS_UDP=[\"53\"]\n",
	"value/ports zero":                                    "ECS_RESERVED_PORTS=[0]\n",
	"value/ports empty":                                   "ECS_RESERVED_PORTS=[]\n",
	"value/ports, text":                                   "ECS_RESERVED_PORTS=22,80\n",
	"value/11 attributes":                                 "ECS_INSTANCE_ATTRIBUTES={" + strings.Repeat(`"a":"b",`, 3) + `"c":"1","d":"1","e":"1","f":"1","g":"1","h":"1","i":"1","j":"1","k":"1","l":"1"}` + "\n",
	"value/101 ports":                                     "ECS_RESERVED_PORTS=[" + strings.Repeat("1,", 100) + "2]\n",
	"value/drivers":                                       "ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"loki\"]\n",
	"value/drivers, null":                                 "ECS_AVAILABLE_LOGGING_DRIVERS=[null]\n",
	"value/drivers, empty":                                "ECS_AVAILABLE_LOGGING_DRIVERS=[]\n",
	"value/drivers, quotes":                               "ECS_AVAILABLE_LOGGING_DRIVERS=[“awslogs”]\n",
	"value/escaped":                                       "ECS_INSTANCE_ATTRIBUTES={\\\"a\\\":\\\"b\\\"}\n",
	"value/maps":                                          "ECS_INSTANCE_ATTRIBUTES={\"a\":1}\nECS_CONTAINER_INSTANCE_TAGS=[]\nECS_LOG_OPTS={\"a\":1}\nECS_AGENT_LABELS=x\nECS_PAUSE_LABELS={\"a\":\"b\"} x\n",
	"value/attributes":                                    "ECS_INSTANCE_ATTRIBUTES={\"a b\":\"c\",\"ecs.x\":\"y\",\"v\":\" x\",\"n\":null}\n",
	"value/tags":                                          "ECS_CONTAINER_INSTANCE_TAGS={\"aws:x\":\"y\",\"a\":\"*\",\"" + strings.Repeat("k", 129) + "\":\"\",\"v\":\"" + strings.Repeat("x", 257) + "\"}\n",
	"value/routes":                                        "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES=[\"10.0.0.0\"]\n",
	"value/rate limit":                                    "ECS_TASK_METADATA_RPS_LIMIT=40\n",
	"value/rate limit zero":                               "ECS_TASK_METADATA_RPS_LIMIT=0,60\n",
	"value/port range":                                    "ECS_DYNAMIC_HOST_PORT_RANGE=200-100\n",
	"value/port range, more":                              "ECS_DYNAMIC_HOST_PORT_RANGE=100-200-x\n",
	"value/images":                                        "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\nECS_EXCLUDE_UNTRACKED_IMAGE=alpine:latest, busybox:1\n",
	"value/image without tag":                             "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\nECS_EXCLUDE_UNTRACKED_IMAGE=r.tld:5000/alpine\n",
	"value/docker log":                                    "ECS_INIT_DOCKER_LOG_FILE_SIZE=lots\nECS_INIT_DOCKER_LOG_FILE_NUM=0\n",
	"value/docker host":                                   "DOCKER_HOST=tcp://127.0.0.1:2375\n",
	"value/data directory":                                "ECS_DATADIR=/var/lib/ecs\n",
	"value/proxy":                                         "HTTPS_PROXY=\"http://proxy:3128\"\nNO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock\n",
	"value/proxy without host":                            "HTTPS_PROXY=http://\nNO_PROXY=169.254.169.254,169.254.170.2,/var/run/docker.sock\n",
	"value/proxy, password":                               "HTTP_PROXY=http://ci:hunter-canary@proxy:3128\nhttp_proxy=proxy:1\n",

	// What the agent does with the values until it is registered.
	"whole/no cluster":                    "ECS_LOGLEVEL=debug\n",
	"fine/default":                        "ECS_CLUSTER=default\n",
	"whole/empty":                         "",
	"startup/data directory below":        "ECS_DATADIR=/data/prod\n",
	"startup/data directory elsewhere":    "ECS_DATADIR=/foo\n",
	"startup/data directory, no state":    "ECS_DATADIR=/foo\nECS_CHECKPOINT=false\n",
	"startup/data directory of the host":  "ECS_DATADIR=/var/lib/ecs/data\n",
	"startup/data directory of /etc/ecs":  "ECS_DATADIR=/etc/ecs/data\n",
	"fine/data directory":                 "ECS_DATADIR=/data/\nECS_HOST_DATA_DIR=/var/lib/ecs/\n",
	"startup/host data directory":         "ECS_HOST_DATA_DIR=/var/lib/ecs/data\n",
	"startup/docker socket, no scheme":    "DOCKER_HOST=/var/run/docker.sock\n",
	"startup/docker socket, relative":     "DOCKER_HOST=unix://var/run/docker.sock\n",
	"startup/docker pipe":                 "DOCKER_HOST=npipe:////./pipe/docker_engine\n",
	"startup/docker host name":            "DOCKER_HOST=localhost\n",
	"fine/docker socket":                  "DOCKER_HOST=unix:///run/docker.sock\n",
	"startup/metadata disabled":           "AWS_EC2_METADATA_DISABLED=True\n",
	"fine/metadata disabled, external":    "ECS_EXTERNAL=true\nAWS_DEFAULT_REGION=eu-west-1\nAWS_EC2_METADATA_DISABLED=true\n",
	"startup/proxy for metadata":          "HTTP_PROXY=http://proxy.example.com:3128\n",
	"startup/proxy, exception missing":    "HTTP_PROXY=http://proxy.example.com:3128\nNO_PROXY=.internal,169.254.170.2\n",
	"startup/proxy, lower case":           "http_proxy=proxy:3128\n",
	"fine/proxy for https":                "HTTPS_PROXY=http://proxy.example.com:3128\n",
	"fine/proxy, network":                 "HTTP_PROXY=http://proxy.example.com:3128\nNO_PROXY=169.254.0.0/16\n",
	"fine/proxy, star":                    "HTTP_PROXY=http://proxy.example.com:3128\nNO_PROXY=*\n",
	"fine/proxy, lower-case exception":    "HTTP_PROXY=http://proxy.example.com:3128\nno_proxy=169.254.169.254:80\n",
	"fine/proxy, external":                "ECS_EXTERNAL=true\nAWS_DEFAULT_REGION=eu-west-1\nHTTP_PROXY=http://proxy.example.com:3128\n",
	"startup/proxy, bad escape":           "HTTPS_PROXY=http://ci:hunter-canary%zz@proxy.example.com:3128\n",
	"startup/proxy, bad port":             "HTTPS_PROXY=http://proxy.example.com:http\nhttps_proxy=http://proxy.example.com:port\n",
	"startup/proxy, port out of range":    "HTTPS_PROXY=http://proxy.example.com:99999\n",
	"startup/proxy, slash in password":    "HTTPS_PROXY=http://ci:hunter/canary@proxy.example.com:3128\n",
	"startup/proxy as CGI":                "HTTPS_PROXY=http://proxy.example.com:3128\nHTTP_PROXY=http://proxy.example.com:3128\nNO_PROXY=169.254.169.254\nREQUEST_METHOD=GET\n",
	"startup/access key, other names":     "AWS_ACCESS_KEY=AKIACANARYCANARY\nAWS_SECRET_KEY=hunter-canary\n",
	"startup/region":                      "AWS_REGION=bogus\n",
	"startup/region of the SDK alone":     "AWS_REGION=eu-west-1\n",
	"fine/both regions":                   "AWS_REGION=eu-west-1\nAWS_DEFAULT_REGION=eu-west-1\n",
	"startup/region in upper case":        "AWS_DEFAULT_REGION=EU_WEST_1\n",
	"startup/host paths":                  "ECS_LOGFILE=/var/log/ecs/ecs-agent.log\nECS_AUDIT_LOGFILE=/opt/audit.log\nECS_UPDATE_DOWNLOAD_DIR=/tmp/updates\nECS_CNI_PLUGINS_PATH=/opt/cni/bin\nECS_AGENT_CONFIG_FILE_PATH=/root/ecs.json\nECS_CGROUP_PATH=/cgroup\nSSL_CERT_FILE=/opt/ca.pem\n",
	"fine/paths":                          "ECS_LOGFILE=/log/x/agent.log\nECS_AUDIT_LOGFILE=/var/lib/ecs/audit.log\nECS_UPDATE_DOWNLOAD_DIR=/var/cache/ecs\nECS_CNI_PLUGINS_PATH=/amazon-ecs-cni-plugins\nECS_AGENT_CONFIG_FILE_PATH=/etc/ecs/other.json\nECS_CGROUP_PATH=/sys/fs/cgroup\nSSL_CERT_DIR=/etc/ssl/certs:/etc/pki/tls/certs\n",
	"startup/configuration directory":     "ECS_AGENT_CONFIG_FILE_PATH=/etc/ecs\n",
	"startup/plugins of the host":         "ECS_CNI_PLUGINS_PATH=/var/lib/ecs/cni\n",
	"fine/plugins unused":                 "ECS_CNI_PLUGINS_PATH=/opt/cni/bin\nECS_ENABLE_TASK_ENI=false\n",
	"startup/read-only path":              "ECS_LOGFILE=/usr/lib/agent.log\n",
	"startup/SDK, whole kind":             "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES=10k\nAWS_RESTRICT_FILE_PERMISSIONS=0600\nAWS_CA_BUNDLE=ca.pem\nAWS_CONTAINER_CREDENTIALS_FULL_URI=http://1.2.3.4\nAWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/token\nAWS_EXECUTION_ENV=ec2\nAWS_LOGIN_CACHE_DIRECTORY=/cache\n",
	"startup/SDK, size out of range":      "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES=10485761\n",
	"startup/SDK, local credentials":      "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/x\n",
	"startup/SDK, socket as credentials":  "AWS_CONTAINER_CREDENTIALS_FULL_URI=unix://var/run/docker.sock\n",
	"startup/SDK, relative credentials":   "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x\n",
	"startup/memory limit":                "GOMEMLIMIT=1GB\n",
	"fine/memory limit":                   "GOMEMLIMIT=512MiB\n",
	"startup/PATH":                        "PATH=$PATH:/opt/bin\n",
	"startup/backend host":                "ECS_BACKEND_HOST=not a url\n",
	"startup/endpoint":                    "AWS_ENDPOINT_URL_ECS=ecs.eu-west-1.amazonaws.com\nAWS_ENDPOINT_URL_S3=nowhere\n",
	"fine/endpoint":                       "ECS_BACKEND_HOST=ecs.eu-west-1.amazonaws.com\nAWS_ENDPOINT_URL_ECS=https://vpce-1.ecs.eu-west-1.vpce.amazonaws.com\n",
	"startup/images as JSON":              "ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP=true\nECS_EXCLUDE_UNTRACKED_IMAGE=[\"alpine:latest\"]\n",
	"swallow/drivers":                     "ECS_AVAILABLE_LOGGING_DRIVERS=[\"awslogs\"] ECS_CLUSTER=prod\n",
	"swallow/ports":                       "ECS_RESERVED_PORTS=[22] ECS_CLUSTER=prod\n",
	"swallow/tags":                        "ECS_CONTAINER_INSTANCE_TAGS={\"a\":\"b\"} ECS_CLUSTER=prod\n",
	"swallow/auth":                        "ECS_ENGINE_AUTH_TYPE=dockercfg ECS_ENGINE_AUTH_DATA={\"r.tld\":{\"auth\":\"" + basic("ci:hunter-canary") + "\"}}\nECS_CLUSTER=prod\n",
	"swallow/after auth":                  "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + login("r.tld") + "} ECS_CLUSTER=prod\n",
	"fine/setting in a tag":               "ECS_CONTAINER_INSTANCE_TAGS={\"note\":\"a ECS_CLUSTER=x\"}\n",
	"recovered/drivers":                   "ECS_AVAILABLE_LOGGING_DRIVERS=fluentd\n",
	"recovered/drivers with quotes":       "ECS_AVAILABLE_LOGGING_DRIVERS=[json-file, 'awslogs']\n",
	"recovered/drivers in upper case":     "ECS_AVAILABLE_LOGGING_DRIVERS=[\"JSON-FILE\",\"awslog\"]\n",
	"recovered/ports":                     "ECS_RESERVED_PORTS=[\"22\",\"80\"]\nECS_RESERVED_PORTS_UDP=22,80\n",
	"recovered/attributes":                "ECS_INSTANCE_ATTRIBUTES={\"tier\":1,\"spot\":true}\n",
	"recovered/attributes without quotes": "ECS_INSTANCE_ATTRIBUTES={stack:prod,tier:1}\n",
	"recovered/attributes as pairs":       "ECS_INSTANCE_ATTRIBUTES=stack=prod,tier=1\n",
	"recovered/attributes, comma":         "ECS_INSTANCE_ATTRIBUTES={\"stack\":\"prod\", }\n",
	"recovered/attributes, bad name":      "ECS_INSTANCE_ATTRIBUTES={\"a b\":1}\n",
	"recovered/tags as the API has them":  "ECS_CONTAINER_INSTANCE_TAGS=[{\"Key\":\"Name\",\"Value\":\"prod\"}]\n",
	"recovered/labels":                    "ECS_AGENT_LABELS={\"a\":1}\nECS_PAUSE_LABELS={'b':2}\n",
	"recovered/log options":               "ECS_LOG_OPTS={\"max-size\":16,\"max-file\":4}\n",
	"recovered/capabilities":              "ECS_VOLUME_PLUGIN_CAPABILITIES=efsAuth\n",
	"recovered/ports as a range":          "ECS_RESERVED_PORTS=[22-24]\n",
	"recovered/port range":                "ECS_DYNAMIC_HOST_PORT_RANGE=32768:60999\n",
	"recovered/networks":                  "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES=10.0.15.0/24\n",
	"recovered/log level":                 "ECS_LOGLEVEL=none\nECS_LOGLEVEL_ON_INSTANCE=warning\n",
	"recovered/names":                     "ECS_PRIVILEGED_DISABLED=true\nECS_ENABLE_SPOT_INSTANCE_DRAIN=true\nECS_DISABLED_METRICS=true\n",
	"auth/placeholder in hashes":          docker(`"r.tld":{"username":"ci","password":"##KEY##"},"${x}.tld":{"username":"ci","password":"hunter-canary"}`),
	"secret/GitHub token":                 "ECS_CLUSTER=gh" + "p_" + strings.Repeat("aB3x", 9) + "\n",
	"secret/pair":                         "ECS_LOGLEVEL=" + basic("ci:hunter-canary") + "\n",
	"value/line separator, not a setting": "ECS_LOGFILE=/log/x\rfoo\n",

	"together/external":         "ECS_EXTERNAL=true\nECS_ENABLE_TASK_ENI=true\n",
	"together/no image cleanup": "ECS_DISABLE_IMAGE_CLEANUP=true\nECS_IMAGE_CLEANUP_INTERVAL=1h\n",
	"together/untracked off":    "NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE=1h\n",
	"together/no task ENI":      "ECS_ENABLE_TASK_ENI=false\nECS_ENABLE_HIGH_DENSITY_ENI=true\n",
	"together/log rollover":     "ECS_LOG_ROLLOVER_TYPE=hourly\nECS_LOG_MAX_FILE_SIZE_MB=5\n",
	"together/log size twice":   "ECS_LOG_OPTS={\"max-size\":\"5m\"}\nECS_INIT_DOCKER_LOG_FILE_SIZE=5m\n",
	"together/log options":      "ECS_LOG_OPTS={\"awslogs-group\":\"g\"}\n",
	"together/AWS keys":         "AWS_ACCESS_KEY_ID=AKIACANARYCANARY\nAWS_SECRET_ACCESS_KEY=hunter-canary\n",
	"together/many findings":    strings.Repeat("=\n", 101),
	"together/half a key":       "AWS_SECRET_ACCESS_KEY=hunter-canary\n",

	"auth/no type":                   "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_DATA={\"r.tld\":{\"auth\":\"" + basic("ci:hunter-canary") + "\"}}\n",
	"auth/empty type":                "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=\nECS_ENGINE_AUTH_DATA={" + login("r.tld") + "}\n",
	"auth/type in upper case":        strings.Replace(docker(login("r.tld")), "=docker\n", "=DOCKER\n", 1),
	"auth/type quoted":               strings.Replace(docker(login("r.tld")), "=docker\n", "=\"docker\"\n", 1),
	"auth/type with a space":         strings.Replace(docker(login("r.tld")), "=docker\n", "= docker\n", 1),
	"auth/type is the data":          "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE={" + login("r.tld") + "}\n",
	"auth/no data":                   "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\n",
	"auth/wrapper beside a registry": "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={\"auths\":{" + login("r.tld") + "}," + login("s.tld") + "}\n",
	"auth/null":                      "ECS_CLUSTER=prod\nECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA=null\n",
	"auth/no JSON":                   docker(login("r.tld") + ","),
	"auth/quoted":                    "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA='{" + login("r.tld") + "}'\n",
	"auth/escaped":                   "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA=" + strings.ReplaceAll("{"+login("r.tld")+"}", `"`, `\"`) + "\n",
	"auth/comment":                   "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={" + login("r.tld") + "} # hunter-canary\n",
	"auth/placeholder":               "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA=${auth}\n",
	"auth/number":                    docker(`"r.tld":{"username":"ci","password":12345678}`),
	"auth/entry is text":             docker(`"r.tld":"` + basic("ci:hunter-canary") + `"`),
	"auth/list":                      "ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA=[{" + login("r.tld") + "}]\n",
	"auth/flat":                      docker(`"username":"ci","password":"hunter-canary"`),
	"auth/wrapper":                   dockercfg(`"auths":{"r.tld":{"auth":"` + basic("ci:hunter-canary") + `"}}`),
	"auth/config.json":               docker(`"auths":{"r.tld":{"auth":"` + basic("ci:hunter-canary") + `"}},"credsStore":"hunter-canary"`),
	"auth/swapped, docker":           docker(`"r.tld":{"auth":"` + basic("ci:hunter-canary") + `"}`),
	"auth/swapped, dockercfg":        dockercfg(login("r.tld")),
	"auth/unpadded":                  dockercfg(`"r.tld":{"auth":"` + strings.TrimRight(basic("ci:hunter-canary1"), "=") + `"}`),
	"auth/no colon":                  dockercfg(`"r.tld":{"auth":"` + basic("hunter-canary") + `"}`),
	"auth/no user":                   dockercfg(`"r.tld":{"auth":"` + basic(":hunter-canary") + `"}`),
	"auth/no password":               dockercfg(`"r.tld":{"auth":"` + basic("ci:") + `"}`),
	"auth/echo":                      dockercfg(`"r.tld":{"auth":"` + basic("ci:hunter-canary\n") + `"}`),
	"auth/white space":               docker(`"r.tld":{"username":"ci","password":" hunter-canary"}`),
	"auth/placeholders":              docker(`"r.tld":{"username":"${user}","password":"${password}"},"${registry}":{"username":"ci","password":"hunter-canary"}`),
	"auth/placeholder, auth":         dockercfg(`"r.tld":{"auth":"${auth}"}`),
	"auth/hub keys":                  docker(login("https://index.docker.io/v1") + "," + login("docker.io") + "," + login("hub.docker.com")),
	"auth/hub key spare":             docker(login("https://index.docker.io/v1/") + "," + login("docker.io")),
	"auth/upper case":                docker(login("R.Example.COM")),
	"auth/never matches":             docker(login("myregistry") + "," + login("docker://r.tld") + "," + login("*.tld") + "," + login("HTTPS://r.tld")),
	"auth/credential in key":         docker(login("https://ci:hunter-canary@r.tld")),
	"auth/trailing slash":            docker(login("https://r.tld/")),
	"auth/one path":                  docker(login("r.tld/team")),
	"auth/two paths":                 docker(login("r.tld/a") + "," + login("r.tld/b")),
	"auth/boundary":                  docker(login("r.tld") + "," + login("r.tld/team")),
	"auth/shadowed":                  docker(login("r.tld") + "," + login("r.tld/")),
	"auth/path in upper case":        docker(login("r.tld") + "," + login("r.tld/Team")),
	"auth/same twice":                docker(login("r.tld") + "," + login("https://r.tld")),
	"auth/duplicate key":             docker(login("r.tld") + "," + login("r.tld")),
	"auth/ECR":                       docker(login("123456789012.dkr.ecr.us-east-1.amazonaws.com")),
}

func TestJudge(t *testing.T) {
	var golden strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		findings := judged(name, files[name])
		result := finding.Result{Subject: name, Status: finding.Noncompliant, Findings: findings}
		if err := findingtest.Check(result); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if strings.HasPrefix(name, "fine/") != (len(findings) == 0) {
			t.Errorf("%s has %d findings", name, len(findings))
		}
		fmt.Fprintf(&golden, "-- %s --\n", name)
		for _, f := range findings[:min(len(findings), 12)] {
			fmt.Fprintf(&golden, "%d:%d %s %s %s\n  %s\n  → %s\n", f.Line, f.Column, f.Severity, f.Code, f.Variable, f.Message, f.Fix)
		}
	}
	compareWithGolden(t, "testdata/findings.golden", golden.String())
}

// judged leaves out that a file doesn't set ECS_CLUSTER, where it is about
// something else.
func judged(name, content string) []finding.Finding {
	findings := ecsconfig.Judge([]byte(content))
	if strings.HasPrefix(name, "whole/") {
		return findings
	}
	return slices.DeleteFunc(findings, func(f finding.Finding) bool { return f.Code == "cluster-not-set" })
}

func compareWithGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("%s:%d\n got %s\nwant %s\nrun make update if that is meant", path, i+1, gotLines[i], wantLines[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d", path, len(gotLines), len(wantLines))
}

// TestTheGravestAreKept has more findings than a report shows, and the only
// grave one at the end.
func TestTheGravestAreKept(t *testing.T) {
	findings := ecsconfig.Judge([]byte(strings.Repeat("this is no setting\n", 5000) + "=\n"))
	if len(findings) != 100 {
		t.Errorf("%d findings, want 100", len(findings))
	}
	if findings[len(findings)-1].Code != "findings-too-many" || !isError(findings[0]) {
		t.Errorf("first %v, last %v", findings[0], findings[len(findings)-1])
	}
}

// TestCodes holds the documented codes and those that the files above bring out
// together, both ways.
func TestCodes(t *testing.T) {
	seen := map[string]string{}
	for name, content := range files {
		for _, f := range ecsconfig.Judge([]byte(content)) {
			seen[f.Code] = name
		}
	}
	documented := map[string]bool{}
	for _, code := range ecsconfig.Codes() {
		if documented[code.Code] {
			t.Errorf("%s is documented twice", code.Code)
		}
		documented[code.Code] = true
		if code.Cause == "" || code.Cure == "" {
			t.Errorf("%s lacks a cause or a cure", code.Code)
		}
		if seen[code.Code] == "" {
			t.Errorf("no file brings out %s", code.Code)
		}
	}
	for code, name := range seen {
		if !documented[code] {
			t.Errorf("%s, found in %s, is not documented", code, name)
		}
	}
}

// TestTwoSlips holds that a value with two slips gets a fix that cures both.
func TestTwoSlips(t *testing.T) {
	for line, want := range map[string]string{
		"ECS_LOGLEVEL=DEBUG # verbose":                "Write ECS_LOGLEVEL=debug",
		"ECS_RESERVED_PORTS=\"22,80\"":                "Write ECS_RESERVED_PORTS=[22,80]",
		"ECS_ENABLE_GPU_SUPPORT='yes'":                "Write ECS_ENABLE_GPU_SUPPORT=true",
		"ECS_IMAGE_PULL_BEHAVIOR=Always;":             "Write ECS_IMAGE_PULL_BEHAVIOR=always",
		"ECS_AVAILABLE_LOGGING_DRIVERS=\"fluentd\" #": "Write ECS_AVAILABLE_LOGGING_DRIVERS=[\"fluentd\"]",
	} {
		findings := ecsconfig.Judge([]byte("ECS_CLUSTER=prod\n" + line + "\n"))
		if len(findings) != 1 || findings[0].Fix != want {
			t.Errorf("%s: %+v", line, findings)
		}
	}
}
