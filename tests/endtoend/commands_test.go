package endtoend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscli"
	"github.com/ecs-guardrails/ecs-guardrails/tests/documents"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samconfig"
	"github.com/ecs-guardrails/ecs-guardrails/tests/samtemplate"
	"github.com/ecs-guardrails/ecs-guardrails/tests/stack"
	"github.com/ecs-guardrails/ecs-guardrails/tests/toolchain"
)

// played are the headings under which every command is run on the stack, one
// after the other in one shell, as a person would.
var played = []string{"Play with it"}

// answers are what played commands have to answer in the end; a person would
// ask again, too.
var answers = map[string]string{
	"aws iam list-attached-role-policies --role-name ecsInstanceRole-mine":                          "AmazonEC2ContainerServiceforEC2Role",
	"aws s3api get-object-tagging --bucket $BUCKET --key mine/ecs.config":                           "ecs-config-status",
	"aws ecs describe-task-definition --task-definition mine":                                       `(?s)task-definition/mine:[2-9].*:secret:my-registry-`,
	"aws logs filter-log-events --log-group-name $LOG":                                              `name-malformed`,
	"make invoke FUNCTION=attach-policies EVENT=/tmp/look.json":                                     `"status": "compliant"`,
	"make invoke FUNCTION=attach-policies EVENT=/tmp/undo.json":                                     `DetachRolePolicy`,
	"aws secretsmanager create-secret --name my-registry":                                           "my-registry",
	"aws ecs register-task-definition --family mine":                                                "mine:1",
	"aws iam create-role --role-name ecsInstanceRole-mine":                                          "ecsInstanceRole-mine",
	"BUCKET=$(aws cloudformation describe-stacks --stack-name $STACK --query \"Stacks[0].Outputs[?": "",
}

// elsewhere are commands that this test does not run, and why.
var elsewhere = map[string]string{
	"make demo":                         ".ci/run runs it",
	"make test":                         "it runs this test",
	"make lint":                         "it needs the network; .ci/run's owner runs it",
	"make release":                      "it takes minutes; tests/release makes one of placeholders",
	"make release BUCKET=acme-releases": "the bucket is the reader's; tests/release uploads one",
	"cosign attest-blob --statement dist/ecs-guardrails-VERSION.intoto.json --bundle dist/ecs-guardrails-VERSION.sigstore.json --yes": "another vendor's tool, and a signature of the reader's",
	"make bench":                       "it takes minutes, and is a check of its own",
	"make faults":                      "it takes minutes, and is a check of its own",
	"make load":                        "it takes minutes, and is a check of its own",
	"make interleavings":               "it takes minutes, and is a check of its own",
	"make template-lint":               "it takes minutes; make test lints six combinations",
	"make agent-start VERSION=1.105.1": "it measures for hours",
	"make agent-start VERSION=1.105.1 FUZZ=10m":                            "it takes as long as it says",
	"make agent-start VERSION=1.105.1 FUZZ=10m SEED=1000":                  "it takes as long as it says",
	"make agent-start VERSION=1.105.1 FUZZ=10m SOURCE=../amazon-ecs-agent": "it takes as long as it says, and the agent's sources are the reader's",
	"make scan":               "docs/scan.md's commands run the same",
	"make local":              "it starts what this test has running already",
	"make local-down":         "it stops a stack that this test does not have",
	"make build":              "the stack of this test was built by the same sam build",
	`eval "$(make -s local)"`: "it starts what this test has running already; the variables are those of this test's stack",
	"mkdir layer && cp company-ca.pem layer/registries.pem && (cd layer && zip -q ../layer.zip registries.pem)": "it packs a file of the reader's",
	"htpasswd -Bbn ecs PASSWORD > htpasswd":              "it needs Apache's tools; a rotation's tests write such a file",
	"make registries":                                    "it builds Gitea, and is a check of its own",
	"make module-path TO=github.com/acme/ecs-guardrails": "it changes the checkout; tests/pipelines runs it in another",
	"git pull":      "it changes the checkout",
	"go test ./...": "make test runs it",
	"sam delete":    "it would take this test's stack away; its options are checked",
}

// testCommands runs the documents' commands on the stack, or holds their
// options against what the programs know.
func testCommands(t *testing.T, w *world) {
	shell := newShell(t, w)
	files := must(documents.Files(w.checkout))(t)
	seen := 0
	asked := map[string]bool{}
	for _, file := range files {
		var session []documents.Command
		for _, block := range must(documents.Blocks(w.checkout, file))(t) {
			for _, command := range block.Commands() {
				seen++
				if slices.Contains(played, block.Heading) {
					session = append(session, command)
					continue
				}
				// The pages of the registries say the same with other names.
				form := form(command.Text)
				if asked[form] {
					continue
				}
				asked[form] = true
				t.Run(command.Text, func(t *testing.T) {
					t.Parallel()
					shell.holds(t, command)
				})
			}
		}
		if len(session) > 0 {
			t.Run(file, func(t *testing.T) {
				t.Parallel()
				shell.play(t, session)
			})
		}
	}
	if seen < 50 {
		t.Errorf("the documents have only %d commands", seen)
	}
}

// form is what the AWS CLI goes by in a command: all but the reader's own names.
// Other commands are run as they are, each once.
func form(command string) string {
	if input, piped, found := strings.Cut(command, " | aws "); found && strings.HasPrefix(input, "echo ") {
		return "echo | " + form("aws "+piped)
	}
	if !strings.HasPrefix(command, "aws ") {
		return command
	}
	fields := strings.Fields(command)
	for index, field := range fields {
		// A word may be one that the AWS CLI chooses by.
		if !strings.HasPrefix(field, "-") && !plainWord.MatchString(field) {
			fields[index] = readersOwn.ReplaceAllString(field, "N")
		}
	}
	return strings.Join(fields, " ")
}

var (
	plainWord  = regexp.MustCompile(`^[A-Za-z0-9-]+$`)
	readersOwn = regexp.MustCompile(`[^\s,:={}\[\]"'()]+`)
)

func TestCommandsOfOneFormAreAskedOnce(t *testing.T) {
	const command = `aws secretsmanager create-secret --name prod/a --secret-string '{"username":"a"}' --tags Key=x:registry,Value=a.example.com`
	for other, same := range map[string]bool{
		`aws secretsmanager create-secret --name prod/b-1 --secret-string '{"username":"robot$b"}' --tags Key=x:registry,Value=b.example.com`: true,
		`aws secretsmanager create-secret --name prod/a --secret-string '{"username":"a"}' --tag Key=x:registry,Value=a.example.com`:          false,
		`aws secretsmanager create-secret --name prod/a --secret-string '{"username":"a"' --tags Key=x:registry,Value=a.example.com`:          false,
		`aws secretsmanager create-secret --name prod/a --secret-string '{"username":"a"}' --tags Key=x:registry;Value=a.example.com`:         false,
		`aws secretsmanager put-secret --name prod/a --secret-string '{"username":"a"}' --tags Key=x:registry,Value=a.example.com`:            false,
		"make demo": false,
	} {
		if (form(other) == form(command)) != same {
			t.Errorf("%s: the same form is %v", other, !same)
		}
	}
	const piped = `echo '{"secret":"a"}' | aws lambda invoke --function-name f --payload fileb:///dev/stdin /dev/stdout`
	if form(piped) != form(strings.Replace(piped, `"a"`, `"prod/b"`, 1)) || form(piped) == form(strings.Replace(piped, "fileb://", "file://", 1)+" --x") {
		t.Error("what is piped into the AWS CLI has another form for another text, or the same for another option")
	}
	if form("make invoke A=b") == form("make invoke A=c") {
		t.Error("two commands of make are one")
	}
}

// shell runs commands as a person who has the tools and reached the stack.
type shell struct {
	checkout    string
	environment []string
	template    *samtemplate.Template
	buckets     *s3.Client
	// help is what sam --help answered, by command.
	help      map[string]helped
	helpMutex sync.Mutex
}

type helped struct {
	output string
	code   int
}

// samHelp asks sam once about each of its commands.
func (s *shell) samHelp(ctx context.Context, command string) helped {
	s.helpMutex.Lock()
	defer s.helpMutex.Unlock()
	answer, known := s.help[command]
	if !known {
		answer.output, answer.code = s.run(ctx, command+" --help")
		s.help[command] = answer
	}
	return answer
}

func newShell(t *testing.T, w *world) *shell {
	s := &shell{checkout: w.checkout, buckets: w.S3, help: map[string]helped{}, environment: []string{"SAM_CLI_TELEMETRY=0", "AWS_PAGER="}}
	path := os.Getenv("PATH")
	for _, environment := range []toolchain.Environment{toolchain.SAM, toolchain.AWS} {
		programs := must(toolchain.Install(t.Context(), w.checkout, environment, os.Stderr))(t)
		path = programs + string(os.PathListSeparator) + path
		if environment == toolchain.AWS {
			loaded := t.TempDir()
			stop := must(awscli.Load(t.Context(), programs, loaded))(t)
			t.Cleanup(func() {
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
			path = loaded + string(os.PathListSeparator) + path
		}
	}
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") && !strings.HasPrefix(variable, "PATH=") && !strings.HasPrefix(variable, "MAKE") {
			s.environment = append(s.environment, variable)
		}
	}
	s.environment = append(s.environment, "PATH="+path)
	for _, variable := range w.Stack.Variables() {
		s.environment = append(s.environment, variable.Name+"="+variable.Value)
	}
	// On this stack a secret serves the whole registry already, and keeps doing so
	// beside a newer one; the reader's serves the same registry by its other name.
	part := strings.Replace(w.Stack.Registry.Host, "127.0.0.1", "localhost", 1) + "/reader"
	s.environment = append(s.environment, "REGISTRY="+part, "REGISTRY_IMAGE="+part+"/app:1.0")
	s.template = must(samtemplate.Load(filepath.Join(w.checkout, "template.yaml")))(t)
	return s
}

// run runs a line of shell and gives all that it said and its exit code.
func (s *shell) run(ctx context.Context, line string, variables ...string) (string, int) {
	command := exec.CommandContext(ctx, "bash", "-c", line)
	command.Dir = s.checkout
	command.Env = append(slices.Clone(s.environment), variables...)
	output, err := command.CombinedOutput()
	if err != nil && command.ProcessState == nil {
		return err.Error(), -1
	}
	return string(output), command.ProcessState.ExitCode()
}

// onThisStack has make invoke talk to the stack of this test: make local's is
// another.
func onThisStack(line string) string {
	if strings.HasPrefix(line, "make invoke ") && !strings.Contains(line, "STACK=") {
		line += " STACK=$STACK"
	}
	return line
}

// play runs the commands of a session. Each runs with the variables that those
// before it have set, and again until it answers what it has to.
func (s *shell) play(t *testing.T, session []documents.Command) {
	var variables []string
	for _, command := range session {
		if elsewhere[command.Text] != "" {
			continue
		}
		wanted, known := "", false
		for beginning, answer := range answers {
			if strings.HasPrefix(command.Text, beginning) {
				wanted, known = answer, true
			}
		}
		line := onThisStack(command.Text)
		variable := assigns.FindStringSubmatch(command.Text)
		if variable != nil {
			line += "\nstatus=$?; printf %s \"$" + variable[1] + "\"; exit $status"
		}
		var output string
		code := 0
		err := stack.Wait(t.Context(), command.Text, func(ctx context.Context) (bool, error) {
			said, exit := s.run(ctx, line, variables...)
			if ctx.Err() != nil {
				// It was cut off: what the last whole run said tells more.
				return false, nil
			}
			output, code = said, exit
			patience.Saw(ctx, "exit code %d: %s", code, output)
			if code != 0 && (!known || wanted == "" || !strings.HasPrefix(command.Text, "make invoke")) {
				return true, nil
			}
			return regexp.MustCompile(wanted).MatchString(output), nil
		})
		if err != nil || code != 0 {
			t.Fatalf("%s: exit code %d, %v:\n%s", command, code, err, output)
		}
		if variable != nil {
			variables = append(variables, variable[1]+"="+output)
		}
	}
}

var assigns = regexp.MustCompile(`^([A-Z_]+)=`)

// versionID is where a version's id belongs, which the AWS CLI wants to be as
// long as one.
var versionID = regexp.MustCompile(`(--(?:move-to|remove-from)-version-id) [A-Z-]+`)

// unreachable is where nothing answers: a function that gets as far as asking there
// had nothing against the options.
const unreachable = "http://127.0.0.1:9"

// commandBound is how long one command may take on an idle machine.
const commandBound = 3 * time.Minute

// holds checks one command.
func (s *shell) holds(t *testing.T, command documents.Command) {
	ctx, cancel := context.WithTimeout(t.Context(), patience.Scale(commandBound))
	defer cancel()
	fields := strings.Fields(command.Text)
	switch {
	case fields[0] == "make":
		if strings.Contains(command.Text, "FUNCTION=sweep ") {
			// It waits for what all the others find; the samples' test sends the event.
			_, event, _ := strings.Cut(command.Text, "EVENT=events/")
			event, _, _ = strings.Cut(event, " ")
			if must(documents.Samples(s.checkout))(t)[event] != "sweep" {
				t.Errorf("%s: events/README.md has no such sample of sweep's", command)
			}
			return
		}
		if fields[1] == "deploy" {
			s.deploys(ctx, t, command)
			return
		}
		if fields[1] == "invoke" {
			output, code := s.run(ctx, onThisStack(command.Text))
			// The sample's secret does not exist, which Secrets Manager would be told by
			// an error.
			refused := strings.Contains(command.Text, "FUNCTION=rotate-secret") && strings.Contains(output, "errorMessage")
			if !refused && (code != 0 || !strings.Contains(output, `"results"`)) {
				t.Errorf("%s: exit code %d:\n%s", command, code, output)
			}
			return
		}
		if output, code := s.run(ctx, "make --dry-run "+strings.Join(fields[1:], " ")); code != 0 || elsewhere[command.Text] == "" {
			t.Errorf("%s is no target, or nothing says why it is not run: %s", command, output)
		}
	case fields[0] == "go" && fields[1] == "run":
		s.goRun(ctx, t, command)
	case fields[0] == "go" && (slices.Contains(fields, "test") || fields[1] == "-C"):
		// The tests cannot run themselves, nor what is a check of its own; the
		// packages are there.
		folder := ""
		if fields[1] == "-C" {
			folder = fields[2]
		}
		for _, path := range fields {
			if strings.HasPrefix(path, "./") && path != "./..." {
				if _, err := os.Stat(filepath.Join(s.checkout, folder, path)); err != nil {
					t.Errorf("%s: %v", command, err)
				}
			}
		}
	case fields[0] == "sam":
		s.samOptions(ctx, t, command)
	case fields[0] == "aws" || fields[0] == "echo" && strings.Contains(command.Text, " | aws "):
		// Names are the reader's; the options are the AWS CLI's. What is read from a
		// file that the reader has is given something to read.
		// An archive of nothing, which is one nevertheless.
		archive := filepath.Join(t.TempDir(), "layer.zip")
		if err := os.WriteFile(archive, []byte("PK\x05\x06"+strings.Repeat("\x00", 18)), 0o600); err != nil {
			t.Fatal(err)
		}
		line := strings.NewReplacer("file://packaged.yaml", "file://README.md", "fileb://layer.zip", "fileb://"+archive, "> processed.json", "", " processed.json", " README.md", " packaged.yaml", " README.md", " mute.json", " README.md", "/etc/ecs/ecs.config.new", "/dev/null",
			" cp htpasswd ", " cp README.md ").Replace(command.Text)
		line = versionID.ReplaceAllString(line, "$1 8f1b2f6e-4c1d-4f0a-9a57-3b6f3f3d2c11")
		output, _ := s.run(ctx, line, "AWS_ENDPOINT_URL="+unreachable, "AWS_MAX_ATTEMPTS=1")
		if !strings.Contains(output, "Could not connect to the endpoint URL") && !strings.Contains(output, "Connection was closed") {
			t.Errorf("%s: the AWS CLI does not take it:\n%s", command, output)
		}
	case fields[0] == "curl" && strings.HasPrefix(command.Document, "docs/registries/"):
		// tests/documents runs them against the registries' test servers.
	case fields[0] == "az":
		// Another vendor's tool, for a service that nothing here stands for.
	default:
		if elsewhere[command.Text] == "" && !assigns.MatchString(strings.TrimPrefix(command.Text, "export ")) {
			t.Errorf("%s: nothing runs it, and nothing says why not", command)
		}
	}
}

// goRun runs a function, or the judgement of files, from the checkout. go run
// turns every exit code but 0 into 1.
func (s *shell) goRun(ctx context.Context, t *testing.T, command documents.Command) {
	line := command.Text
	if strings.Contains(line, "./functions/sweep scan") {
		output, code := s.run(ctx, line+" --output "+t.TempDir())
		if code > 1 || !strings.Contains(output, "listed") || strings.Contains(output, "is not sent") {
			t.Errorf("%s: exit code %d:\n%s", command, code, output)
		}
		return
	}
	if strings.Contains(line, "./functions/sweep mute ") {
		s.mutes(ctx, t, command)
		return
	}
	if strings.Contains(line, " explain ") {
		if output, code := s.run(ctx, line); code != 0 || !strings.Contains(output, "What it means") {
			t.Errorf("%s: exit code %d:\n%s", command, code, output)
		}
		return
	}
	if !strings.Contains(line, "--file") {
		output, code := s.run(ctx, line+" 2>/dev/null")
		var report struct{ Results []any }
		if code > 1 || json.Unmarshal([]byte(output), &report) != nil || len(report.Results) == 0 {
			t.Errorf("%s: exit code %d, no report:\n%s", command, code, output)
		}
		return
	}
	// The files are the reader's.
	folder := t.TempDir()
	for name, content := range map[string]string{
		"ecs.config": "ECS_CLUSTER=default\n", "prod/web.env": "A=b\n",
		"user-data.sh": "#!/bin/bash\necho ECS_CLUSTER=default >> /etc/ecs/ecs.config\n",
		"taskdef.json": `{"family":"web","containerDefinitions":[{"name":"web","image":"nginx","memory":64}]}`,
	} {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		line = regexp.MustCompile(`(^|[\s<])`+regexp.QuoteMeta(name)).ReplaceAllString(line, "${1}"+file)
	}
	if output, code := s.run(ctx, line); code > 1 || strings.Contains(output, "usage:") || strings.Contains(output, "flag provided") || strings.Contains(output, "no such file") {
		t.Errorf("%s: exit code %d:\n%s", command, code, output)
	}
}

// mutes runs the command in a bucket that has what the reader's would: problems that
// people were told about, and a mute.
func (s *shell) mutes(ctx context.Context, t *testing.T, command documents.Command) {
	bucket := "mute-" + strings.ToLower(rand.Text())
	input := &s3.CreateBucketInput{Bucket: &bucket}
	// The bucket is where the command says.
	there := func(*s3.Options) {}
	if region := regexp.MustCompile(` --region (\S+)`).FindStringSubmatch(command.Text); region != nil && region[1] != stack.Region {
		there = func(options *s3.Options) { options.Region = region[1] }
		input.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(region[1])}
	}
	must(s.buckets.CreateBucket(ctx, input, there))(t)
	for key, content := range map[string]string{
		"told.json": `{"problems":[{"id":"3f0c9b2a7d5e1846.policy-retired","subject":"role/legacy-web","code":"policy-retired"}]}`,
		"mute.json": `{"mutes":[{"subject":"role/legacy-*","code":"policy-retired","reason":"r","until":"2999-01-31"}]}`,
	} {
		must(s.buckets.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(content)}, there))(t)
	}
	line := regexp.MustCompile(`--until \S+`).ReplaceAllString(strings.Replace(command.Text, "REPORT-BUCKET", bucket, 1), "--until 2999-12-31") + " --yes"
	wanted := "policy-retired"
	if strings.Contains(line, "--until") || strings.Contains(line, "--remove") {
		wanted = "Written to s3://" + bucket + "/mute.json"
	}
	if output, code := s.run(ctx, line); code != 0 || !strings.Contains(output, wanted) {
		t.Errorf("%s: exit code %d:\n%s", line, code, output)
	}
}

// deploys looks through what make deploy would give sam.
func (s *shell) deploys(ctx context.Context, t *testing.T, command documents.Command) {
	output, code := s.run(ctx, strings.Replace(command.Text, "make", "make --dry-run", 1))
	if code != 0 || !strings.Contains(output, "sam deploy --config-file") {
		t.Errorf("%s: exit code %d:\n%s", command, code, output)
	}
	_, parameters, found := strings.Cut(command.Text, "PARAMETERS='")
	if !found {
		return
	}
	parameters, _, _ = strings.Cut(parameters, "'")
	if err := samconfig.Check(command.String(), samconfig.Parse(parameters), s.template); err != nil {
		t.Error(err)
	}
}

// samOptions asks sam whether it knows the options, and the template whether it
// has the parameters.
func (s *shell) samOptions(ctx context.Context, t *testing.T, command documents.Command) {
	before, overrides, found := strings.Cut(command.Text, "--parameter-overrides ")
	if answer := s.samHelp(ctx, strings.TrimSpace(before)); answer.code != 0 {
		t.Errorf("%s: sam does not know an option:\n%s", command, answer.output)
	}
	if !found {
		return
	}
	for _, override := range strings.Fields(overrides) {
		name, value, _ := strings.Cut(override, "=")
		if strings.HasPrefix(override, "--") {
			break
		}
		index := slices.IndexFunc(s.template.Parameters(), func(of samtemplate.Parameter) bool { return of.Name == name })
		if index < 0 {
			t.Errorf("%s: the template has no parameter %s", command, name)
			continue
		}
		if allowed := s.template.Parameters()[index].Allowed; allowed != "" && !slices.Contains(strings.Split(allowed, ", "), value) {
			t.Errorf("%s: %s may be %s, not %s", command, name, allowed, value)
		}
	}
}
