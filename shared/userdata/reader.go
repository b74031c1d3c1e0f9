package userdata

import (
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// reader takes user data apart and puts off what it does until all of it is
// seen: cloud-init runs by stages, not in the order of the text.
type reader struct {
	*machine
	form Form
	// left and parts bound archives in archives.
	left, parts int
	part        bool
	// leaves are the texts that were read.
	leaves   []Text
	isPacked bool

	boot, scripts []func()
	// cloud are the lists of cloud-config documents, merged; mergeType is how the part
	// that is being read says that it is merged.
	cloud     map[string][]cloudItem
	mergeType string
}

func (r *reader) read(text Text, depth int) {
	s := text.String()
	if depth < 0 || r.parts <= 0 || r.left <= 0 {
		return
	}
	r.parts--
	r.left -= len(s)
	if isGzip([]byte(s)) {
		r.isPacked = true
		r.read(text.unpacked(gunzip([]byte(s), r.left)), depth-1)
		return
	}
	if decoded, ok := unbase64(s); ok {
		r.isPacked = true
		r.read(text.unpacked(decoded), depth-1)
		return
	}
	if isArchive(s) {
		r.setForm(Archive)
		for _, part := range archiveParts(text) {
			r.readPart(part, depth-1)
		}
		return
	}
	r.leaf(text, "")
}

func (r *reader) setForm(form Form) {
	if r.form == "" {
		r.form = form
	}
}

func (r *reader) readPart(p part, depth int) {
	r.mergeType = p.mergeType
	defer func() { r.mergeType = "" }()
	s := p.body.String()
	if strings.HasPrefix(p.contentType, "multipart/") || isGzip([]byte(s)) || isArchive(s) {
		r.read(p.body, depth)
		return
	}
	if decoded, ok := unbase64(s); ok {
		r.read(p.body.unpacked(decoded), depth)
		return
	}
	r.leaf(p.body, p.contentType)
}

var (
	hasPowerShell = lazyregexp.New(`(?i)<powershell>|<script>`)
	usesECSTools  = lazyregexp.New(`(?im)^\s*(?:Import-Module\s+ECSTools|Initialize-ECSAgent\b|\[(?:System\.)?Environment\]::SetEnvironmentVariable\()`)
	isLaunchTask  = lazyregexp.New(`(?m)^tasks:[ \t]*$`)
	interpreter   = lazyregexp.New(`^#!\s*(\S+)(?:\s+(\S+))?`)
)

// leaf reads what isn't packed any more.
func (r *reader) leaf(text Text, contentType string) {
	r.leaves = append(r.leaves, text)
	s := text.String()
	trimmed := strings.TrimLeft(s, " \t\r\n\ufeff")
	start := len(s) - len(trimmed)
	lower := strings.ToLower(trimmed[:min(len(trimmed), 200)])
	if strings.HasPrefix(lower, "## template:") {
		if newline := strings.IndexByte(trimmed, '\n'); newline >= 0 {
			r.machine.template = true
			text = text.slice(start+newline+1, len(s))
			s = text.String()
			trimmed, start = s, 0
			lower = strings.ToLower(s[:min(len(s), 200)])
		}
	}
	switch {
	case strings.HasPrefix(lower, "#cloud-config") && !strings.HasPrefix(lower, "#cloud-config-archive"):
		r.cloudConfig(text)
	case strings.HasPrefix(lower, "#cloud-config-archive"):
		r.configArchive(text)
	case strings.HasPrefix(lower, "#!"):
		if start > 0 && !r.part && contentType == "" {
			r.note(codeLeadingSpace, text.offset(0), "")
		}
		r.shellScript(text.slice(start, len(s)))
	case strings.HasPrefix(lower, "#cloud-boothook"), strings.HasPrefix(lower, "#upstart-job"):
		r.setForm(ShellScript)
		r.boot = append(r.boot, func() { r.runScript(text) })
	case strings.HasPrefix(lower, "#include"):
	case hasPowerShell.MatchString(s):
		r.setForm(PowerShell)
		r.scripts = append(r.scripts, func() { r.readWindows(text) })
	case isBottlerocket.MatchString(s):
		r.setForm(Bottlerocket)
		r.scripts = append(r.scripts, func() { r.readBottlerocket(text) })
	case strings.Contains(contentType, "cloud-config"):
		r.cloudConfig(text)
	case usesECSTools.MatchString(s):
		r.setForm(PowerShell)
		r.scripts = append(r.scripts, func() { r.readWindows(text) })
	case isLaunchTask.MatchString(s) && strings.Contains(s, "executeScript"):
		r.setForm(PowerShell)
		r.scripts = append(r.scripts, func() { r.launchTasks(text) })
	default:
		r.setForm(ShellScript)
		if !r.part && contentType == "" {
			r.note(codeHeader, text.offset(start), "")
		}
		r.scripts = append(r.scripts, func() { r.runScript(text) })
	}
}

func (r *reader) cloudConfig(text Text) {
	r.setForm(CloudConfig)
	r.mergeCloudConfig(text, r.mergeType)
}

func (r *reader) shellScript(text Text) {
	r.setForm(ShellScript)
	s := text.String()
	first, _, _ := strings.Cut(s, "\n")
	if match := interpreter.FindStringSubmatch(first); match != nil {
		name := path.Base(match[1])
		if name == "env" {
			name = path.Base(match[2])
		}
		switch name {
		case "bash", "sh", "dash", "zsh", "ksh", "ash", "cloud-boothook", "":
		default:
			if otherWrites.MatchString(s) {
				offset := text.offset(0)
				r.scripts = append(r.scripts, func() {
					r.evidenceFor(WritesConfig, offset)
					r.edited(configPath, "a program in "+language(name), offset)
				})
			}
			if !strings.Contains(name, placeholder) {
				return // a program that isn't a shell's
			}
		}
	}
	if second := strings.TrimLeft(s[min(len(first)+1, len(s)):], " \t\r\n"); strings.HasPrefix(second, "#cloud-config") && !r.part {
		r.note(codeTwoHeaders, text.offset(len(s)-len(second)), "")
	}
	r.scripts = append(r.scripts, func() { r.runScript(text) })
}

// language names an interpreter, if it reads like one.
func language(name string) string {
	if !secretshape.IsName(name) || secretshape.Find(name) != "" {
		return "another language"
	}
	return expression("", name, "")
}

// configArchive reads cloud-init's YAML list of parts.
func (r *reader) configArchive(text Text) {
	r.setForm(Archive)
	d, err := parseYAML(text)
	if err != nil {
		return
	}
	for _, item := range items(d.root) {
		switch item := resolved(item); {
		case item == nil:
		case item.Kind == yaml.ScalarNode:
			r.leaf(d.scalar(item), "text/plain")
		default:
			r.leaf(d.scalar(entry(item, "content")), strings.ToLower(d.scalar(entry(item, "type")).String()))
		}
	}
}

// launchTasks reads the YAML of EC2Launch v2.
func (r *reader) launchTasks(text Text) {
	d, err := parseYAML(withPlaceholders(text, r.template))
	if err != nil {
		return
	}
	for _, task := range items(entry(d.root, "tasks")) {
		for _, input := range items(entry(task, "inputs")) {
			switch content := d.scalar(entry(input, "content")); strings.ToLower(d.scalar(entry(input, "type")).String()) {
			case "powershell":
				r.runPowerShell(content)
			case "batch":
				r.readBatch(content)
			}
		}
	}
}
