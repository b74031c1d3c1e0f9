// Package containerinstance stands for EC2 instances that are registered with a
// cluster and that Systems Manager reaches, neither of which the emulator has:
// to it clusters have no instances, and commands run only in Docker containers.
// An instance here is a folder in the place of /etc/ecs; a command's script is
// really run, by sh, with an aws and a systemctl of this package's.
package containerinstance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
	"github.com/ecs-guardrails/ecs-guardrails/tests/patience"
)

// agentFolder is where instances keep their ecs.config.
const agentFolder = "/etc/ecs"

// commandTimeout bounds one command on one instance, on an idle machine.
const commandTimeout = 30 * time.Second

// Instance is a running one.
type Instance struct {
	ID, Cluster string
	Tags        map[string]string
	// Managed says that Systems Manager reaches it.
	Managed bool
	folder  string
}

// Config reads the instance's ecs.config.
func (i *Instance) Config() (string, error) {
	content, err := os.ReadFile(filepath.Join(i.folder, "ecs.config"))
	if err != nil {
		return "", fmt.Errorf("reading the ecs.config of %s: %w", i.ID, err)
	}
	return string(content), nil
}

// Restarts counts how often the agent was restarted.
func (i *Instance) Restarts() (int, error) {
	log, err := os.ReadFile(filepath.Join(i.folder, "..", "systemctl.log"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading what systemctl was asked on %s: %w", i.ID, err)
	}
	return strings.Count(string(log), "try-restart ecs\n"), nil
}

// command is one of Systems Manager's, in the shape of its API.
type command struct {
	CommandID             string              `json:"CommandId"`
	DocumentName          string              `json:"DocumentName"`
	Comment               string              `json:"Comment"`
	Parameters            map[string][]string `json:"Parameters"`
	InstanceIDs           []string            `json:"InstanceIds"`
	Targets               []target            `json:"Targets"`
	RequestedDateTime     float64             `json:"RequestedDateTime"`
	Status                string              `json:"Status"`
	StatusDetails         string              `json:"StatusDetails"`
	MaxConcurrency        string              `json:"MaxConcurrency"`
	MaxErrors             string              `json:"MaxErrors"`
	TargetCount           int                 `json:"TargetCount"`
	CompletedCount        int                 `json:"CompletedCount"`
	ErrorCount            int                 `json:"ErrorCount"`
	DeliveryTimedOutCount int                 `json:"DeliveryTimedOutCount"`
}

type target struct {
	Key    string   `json:"Key"`
	Values []string `json:"Values"`
}

// Service answers for the instances.
type Service struct {
	folder string
	// emulator is the URL that instances read S3 at.
	emulator, region, account string

	mutex     sync.Mutex
	instances []*Instance
	commands  []*command
	running   sync.WaitGroup
	stop      context.Context
	cancel    context.CancelFunc
}

// programs are what instances have beside a shell.
var programs = map[string]string{
	"aws": `#!/usr/bin/env python3
import os, sys, urllib.parse, urllib.request
if sys.argv[1:4] != ["s3", "cp", "--only-show-errors"] or len(sys.argv) != 6 or os.environ.get("AWS_DEFAULT_REGION") != os.environ["AWS_SSM_REGION_NAME"]:
    sys.exit("this instance's aws knows s3 cp --only-show-errors alone")
with urllib.request.urlopen(os.environ["EMULATOR"] + "/" + urllib.parse.quote(sys.argv[4].removeprefix("s3://"))) as answer:
    content = answer.read()
with open(sys.argv[5], "wb") as file:
    file.write(content)
`,
	"systemctl": "#!/bin/sh\necho \"$@\" >>\"$SYSTEMCTL_LOG\"\n",
}

// New returns a service without instances that keeps what it writes in a folder.
func New(folder, emulator, region, account string) (*Service, error) {
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return nil, fmt.Errorf("making the instances' folder: %w", err)
	}
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			return nil, fmt.Errorf("writing the instances' %s: %w", name, err)
		}
	}
	service := &Service{folder: folder, emulator: emulator, region: region, account: account}
	service.stop, service.cancel = context.WithCancel(context.Background())
	return service, nil
}

// Start registers an instance with a cluster; config is its ecs.config.
func (s *Service) Start(instance *Instance, config string) error {
	instance.folder = filepath.Join(s.folder, instance.ID, "ecs")
	if err := os.MkdirAll(instance.folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", instance.ID, err)
	}
	if err := os.WriteFile(filepath.Join(instance.folder, "ecs.config"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("writing the ecs.config of %s: %w", instance.ID, err)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.instances = append(s.instances, instance)
	return nil
}

// Busy says whether a command still runs.
func (s *Service) Busy() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.ContainsFunc(s.commands, func(sent *command) bool { return sent.Status == "Pending" })
}

// Stop ends what is running.
func (s *Service) Stop() error {
	s.cancel()
	s.running.Wait()
	return nil
}

// Supplements are the operations that the service answers.
func (s *Service) Supplements() map[string]endpoint.Supplement {
	return map[string]endpoint.Supplement{
		"ssm:SendCommand":                 s.sendCommand,
		"ssm:ListCommands":                s.listCommands,
		"ssm:DescribeInstanceInformation": s.describeInformation,
		"ecs:ListContainerInstances":      s.listInstances,
		"ecs:DescribeContainerInstances":  s.describeInstances,
	}
}

func text(parameters map[string]any, name string) string {
	value, _ := parameters[name].(string)
	return value
}

func texts(value any) []string {
	list, _ := value.([]any)
	found := make([]string, len(list))
	for i, item := range list {
		found[i] = fmt.Sprint(item)
	}
	return found
}

// arn is a container instance's, in a cluster's own format.
func (s *Service) arn(instance *Instance) string {
	return "arn:aws:ecs:" + s.region + ":" + s.account + ":container-instance/" + instance.Cluster + "/" + strings.TrimPrefix(instance.ID, "i-")
}

// listInstances leaves clusters without instances to the emulator.
func (s *Service) listInstances(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	cluster := text(exchange.Parameters, "cluster")
	cluster = cluster[strings.LastIndexByte(cluster, '/')+1:]
	var arns []string
	for _, instance := range s.instances {
		if instance.Cluster == cluster {
			arns = append(arns, s.arn(instance))
		}
	}
	if len(arns) == 0 {
		return false
	}
	// One to a page, which AWS may do as well.
	start, _ := strconv.Atoi(text(exchange.Parameters, "nextToken"))
	start = min(max(start, 0), len(arns)-1)
	answer := map[string]any{"containerInstanceArns": arns[start : start+1]}
	if start+1 < len(arns) {
		answer["nextToken"] = strconv.Itoa(start + 1)
	}
	endpoint.WriteJSON(writer, answer)
	return true
}

func (s *Service) describeInstances(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	asked := texts(exchange.Parameters["containerInstances"])
	found := []map[string]any{}
	for _, instance := range s.instances {
		if slices.Contains(asked, s.arn(instance)) {
			found = append(found, map[string]any{"containerInstanceArn": s.arn(instance), "ec2InstanceId": instance.ID, "status": "ACTIVE", "agentConnected": true})
		}
	}
	endpoint.WriteJSON(writer, map[string]any{"containerInstances": found, "failures": []any{}})
	return true
}

func (s *Service) describeInformation(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := []map[string]any{}
	for _, instance := range s.instances {
		wanted := true
		filters, _ := exchange.Parameters["Filters"].([]any)
		for _, filter := range filters {
			fields, _ := filter.(map[string]any)
			wanted = wanted && text(fields, "Key") == "InstanceIds" && slices.Contains(texts(fields["Values"]), instance.ID)
		}
		if wanted && instance.Managed {
			found = append(found, map[string]any{"InstanceId": instance.ID, "PingStatus": "Online", "PlatformType": "Linux"})
		}
	}
	endpoint.WriteJSON(writer, map[string]any{"InstanceInformationList": found})
	return true
}

// sendCommand runs AWS-RunShellScript, and refuses other documents.
func (s *Service) sendCommand(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	refuse := func(code, message string) bool {
		endpoint.WriteJSONError(writer, http.StatusBadRequest, code, message)
		return true
	}
	var sent command
	request, err := json.Marshal(exchange.Parameters)
	if err != nil || json.Unmarshal(request, &sent) != nil {
		return refuse("ValidationException", "the request cannot be read")
	}
	switch {
	case sent.DocumentName != "AWS-RunShellScript":
		return refuse("InvalidDocument", "only AWS-RunShellScript is known here")
	case len(sent.Comment) > 100 || len(sent.InstanceIDs) > 50 || (len(sent.InstanceIDs) == 0) == (len(sent.Targets) == 0):
		return refuse("ValidationException", "the comment is too long, or instances are named by neither or both of InstanceIds and Targets")
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var chosen []*Instance
	for _, instance := range s.instances {
		if slices.Contains(sent.InstanceIDs, instance.ID) || tagged(instance, sent.Targets) {
			chosen = append(chosen, instance)
		}
	}
	for _, id := range sent.InstanceIDs {
		if !slices.ContainsFunc(chosen, func(instance *Instance) bool { return instance.ID == id && instance.Managed }) {
			return refuse("InvalidInstanceId", "Instances [["+id+"]] not in a valid state for account "+s.account)
		}
	}
	// Targets find managed nodes alone.
	chosen = slices.DeleteFunc(chosen, func(instance *Instance) bool { return !instance.Managed })
	sent.CommandID, sent.Status, sent.StatusDetails, sent.TargetCount = uuid.NewString(), "Pending", "Pending", len(chosen)
	sent.RequestedDateTime = float64(time.Now().UnixMilli()) / 1000
	s.commands = append(s.commands, &sent)
	answer := sent
	s.running.Go(func() { s.run(&sent, chosen) })
	endpoint.WriteJSON(writer, map[string]any{"Command": answer})
	return true
}

func tagged(instance *Instance, targets []target) bool {
	for _, target := range targets {
		key, ok := strings.CutPrefix(target.Key, "tag:")
		if !ok || instance.Tags[key] == "" || !slices.Contains(target.Values, instance.Tags[key]) {
			return false
		}
	}
	return len(targets) > 0
}

// run works on one instance after the other, as MaxConcurrency of a few
// instances comes to, and stops after more failures than MaxErrors.
func (s *Service) run(sent *command, instances []*Instance) {
	most, _ := strconv.Atoi(sent.MaxErrors)
	for _, instance := range instances {
		err := s.execute(sent.Parameters["commands"], instance)
		s.mutex.Lock()
		sent.CompletedCount++
		if err != nil {
			sent.ErrorCount++
		}
		stopped := sent.ErrorCount > most
		s.mutex.Unlock()
		if stopped {
			break
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	sent.Status = "Success"
	if sent.ErrorCount > 0 {
		sent.Status = "Failed"
	}
	sent.StatusDetails = sent.Status
}

// execute runs a script's lines, with the instance's folder in the agent's place.
func (s *Service) execute(lines []string, instance *Instance) error {
	ctx, cancel := context.WithTimeout(s.stop, patience.Scale(commandTimeout))
	defer cancel()
	script := strings.ReplaceAll(strings.Join(lines, "\n"), agentFolder, instance.folder)
	run := exec.CommandContext(ctx, "sh", "-c", script)
	run.Dir = instance.folder
	run.Env = []string{
		"PATH=" + filepath.Join(s.folder, "bin") + ":" + os.Getenv("PATH"), "AWS_SSM_REGION_NAME=" + s.region,
		"EMULATOR=" + s.emulator, "SYSTEMCTL_LOG=" + filepath.Join(instance.folder, "..", "systemctl.log"),
	}
	output, err := run.CombinedOutput()
	return errors.Join(err, os.WriteFile(filepath.Join(instance.folder, "..", "command.log"), output, 0o600))
}

// listCommands gives all commands since the time that is asked for.
func (s *Service) listCommands(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	var after time.Time
	filters, _ := exchange.Parameters["Filters"].([]any)
	for _, filter := range filters {
		fields, _ := filter.(map[string]any)
		if text(fields, "key") == "InvokedAfter" {
			after, _ = time.Parse(time.RFC3339, text(fields, "value"))
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	found := []command{}
	for _, sent := range s.commands {
		if sent.RequestedDateTime*1000 >= float64(after.UnixMilli()) {
			found = append(found, *sent)
		}
	}
	endpoint.WriteJSON(writer, map[string]any{"Commands": found})
	return true
}
