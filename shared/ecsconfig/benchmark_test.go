package ecsconfig_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
)

const usual = `# Production, eu-central-1
ECS_CLUSTER=prod
ECS_ENGINE_AUTH_TYPE=docker
ECS_ENGINE_AUTH_DATA={"https://index.docker.io/v1/":{"username":"ci","password":"hunter-canary"},"r.example.com:5000":{"username":"ci","password":"hunter-canary"}}
ECS_AVAILABLE_LOGGING_DRIVERS=["json-file","awslogs","none"]
ECS_RESERVED_MEMORY=256
ECS_RESERVED_PORTS=[22,2375,2376,51678,51679]
ECS_CONTAINER_STOP_TIMEOUT=90s
ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION=1h
ECS_IMAGE_PULL_BEHAVIOR=prefer-cached
ECS_ENABLE_SPOT_INSTANCE_DRAINING=true
ECS_ENABLE_CONTAINER_METADATA=true
ECS_INSTANCE_ATTRIBUTES={"stack":"prod","purchase-option":"spot"}
ECS_CONTAINER_INSTANCE_TAGS={"Name":"prod","Team":"platform"}
ECS_LOGLEVEL=info
`

// BenchmarkUsual is a file as people have it: below 100 µs.
func BenchmarkUsual(b *testing.B) {
	if findings := ecsconfig.Judge([]byte(usual)); len(findings) != 0 {
		b.Fatal(findings)
	}
	for b.Loop() {
		ecsconfig.Judge([]byte(usual))
	}
}

// mebibyte repeats a text up to 1 MiB.
func mebibyte(text string) []byte {
	return []byte(strings.Repeat(text, 1<<20/len(text)+1)[:1<<20])
}

// big are files of 1 MiB, the most that is read: each below 50 ms.
var big = map[string][]byte{
	"settings":      mebibyte(usual),
	"comments":      mebibyte("# a comment as long as comments are\n"),
	"junk":          mebibyte("this is no setting at all\n"),
	"unknown names": mebibyte("ECS_SOMETHING_ELSE=1\n"),
	"exports":       mebibyte("export ECS_CLUSTR=prod\n"),
	"misspelt":      mebibyte("ECS_CLUSTR=prod\n"),
	"quoted":        mebibyte("ECS_CLUSTER=\"prod\" # x\n"),
	"one line":      append([]byte("ECS_CLUSTER=prod\nECS_ENGINE_AUTH_DATA={"), mebibyte(`"r.example.com":{"username":"ci","password":"x"},`)...),
	"one word":      mebibyte("x"),
	"equals signs":  mebibyte("="),
	"newlines":      mebibyte("\n"),
	"open brackets": mebibyte("A=[\n"),
	"tags":          []byte("ECS_CONTAINER_INSTANCE_TAGS={" + strings.Repeat(`"aws:`+strings.Repeat("k", 20)+`":"v",`, 4000) + "\"a\":\"b\"}\n"),
	"registries":    manyRegistries(),
	"long values":   mebibyte("ECS_LOGFILE=" + strings.Repeat("x=", 30000) + "\n"),
	"other names":   numbered("ECS_X%d=1\n"),
	"near names":    numbered("ECS_CLUSTER%d=prod\n"),
	"own names":     numbered("A%d=x\n"),
	"YAML":          mebibyte("  - ECS_CLUSTER: prod\n"),
	"semicolons":    mebibyte("; a comment\n"),
	"not UTF-8":     mebibyte("ECS_CLUSTER=\xff\n"),
	"no names":      mebibyte("\xff=\n"),
	"NUL bytes":     mebibyte("A=\x00\n"),
	"CRLF":          mebibyte("ECS_CLUSTER=prod\r\n"),
	"CR":            mebibyte("ECS_CLUSTER=prod\r"),
	"spaces":        mebibyte(" "),
	"backslashes":   mebibyte("ECS_LOGFILE=\"\\x\" \\\n"),
	"booleans":      mebibyte("ECS_ENABLE_GPU_SUPPORT=yes\n"),
	"one value":     append([]byte("ECS_CLUSTER="), mebibyte("eyJ0b2tlbiI6 a=b #")...),
	"open quotes":   mebibyte("ECS_CLUSTER='\n"),
	"many lines":    mebibyte("ECS_CLUSTER=prod ECS_LOGLEVEL=debug\nexport A=ECS_CLUSTER=x\n"),
	"inner names":   mebibyte("X=ECS_CLUSTER=x\n"),
	"placeholders":  mebibyte("ECS_CLUSTER=${cluster}\n# ${x}\n"),
	"short values":  mebibyte("A=\n"),
	"short words":   mebibyte("ab\n"),
	"letters":       mebibyte("a\n"),
	"hashes":        mebibyte("#\n"),
	"short names":   shortNames(),
	"nameless":      mebibyte("=x\n"),
	"short opening": mebibyte("A={\n"),
	"short CRLF":    mebibyte("A\r\n"),
	"short quotes":  mebibyte("A='\nB=\"\n"),
	"short bytes":   mebibyte("\xff\xff\n"),
}

// numbered repeats a line with another number each time.
func numbered(format string) []byte {
	var text strings.Builder
	for i := 0; text.Len() < 1<<20-100; i++ {
		fmt.Fprintf(&text, format, i)
	}
	return []byte(text.String())
}

// shortNames are lines of a few bytes, each with another name.
func shortNames() []byte {
	var text strings.Builder
	for i := 0; text.Len() < 1<<20-10; i++ {
		text.WriteString(strconv.FormatInt(int64(i), 36) + "=\n")
	}
	return []byte(text.String())
}

func manyRegistries() []byte {
	var data strings.Builder
	data.WriteString("ECS_ENGINE_AUTH_TYPE=docker\nECS_ENGINE_AUTH_DATA={")
	for i := 0; data.Len() < 130000; i++ {
		data.WriteString(`"r.tld/` + strings.Repeat("a", i%50) + string(rune('a'+i%26)) + `":{"username":"ci","password":""},`)
	}
	data.WriteString(`"r.tld/x":{"username":"ci"}}` + "\n")
	return []byte(data.String())
}

func BenchmarkMebibyte(b *testing.B) {
	for name, content := range big {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				ecsconfig.Judge(content)
			}
		})
	}
}
