// Package userdata keeps what the emulator forgets of launches: the user data of
// instances, and a launch time that a test gives them instead of waiting.
package userdata

import (
	"bytes"
	"encoding/xml"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
	"github.com/ecs-guardrails/ecs-guardrails/tests/endpoint"
)

// Store holds the user data by instance, in Base64 as the API has it.
type Store struct {
	mutex      sync.Mutex
	byInstance map[string]string
	launched   map[string]time.Time
}

// Keep keeps the user data of an instance, in Base64, that was launched unseen.
func (s *Store) Keep(instance, text string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.byInstance == nil {
		s.byInstance = map[string]string{}
	}
	s.byInstance[instance] = text
}

// LaunchedAt has an instance launched at another time than it was.
func (s *Store) LaunchedAt(instance string, launched time.Time) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.launched == nil {
		s.launched = map[string]time.Time{}
	}
	s.launched[instance] = launched
}

// launchTime is the first one in a description of an instance.
var launchTime = regexp.MustCompile(`<launchTime>[^<]*</launchTime>`)

// AmendInstances is the endpoint's amendment for ec2:DescribeInstances: it gives
// instances their launch times.
func (s *Store) AmendInstances(_ awscall.Exchange, body []byte) ([]byte, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for instance, launched := range s.launched {
		before, described, found := bytes.Cut(body, []byte("<instanceId>"+instance+"</instanceId>"))
		at := launchTime.FindIndex(described)
		if !found || at == nil {
			continue
		}
		body = slices.Concat(before, []byte("<instanceId>"+instance+"</instanceId>"), described[:at[0]],
			[]byte("<launchTime>"+launched.UTC().Format(time.RFC3339)+"</launchTime>"), described[at[1]:])
	}
	return body, nil
}

// Observe keeps the user data of RunInstances.
func (s *Store) Observe(exchange awscall.Exchange) {
	if exchange.Call.Name() != "ec2:RunInstances" || exchange.Call.Failed() {
		return
	}
	text, _ := exchange.Parameters["UserData"].(string)
	var answer struct {
		Instances []string `xml:"instancesSet>item>instanceId"`
	}
	if text == "" || xml.Unmarshal(exchange.Response, &answer) != nil {
		return
	}
	for _, instance := range answer.Instances {
		s.Keep(instance, text)
	}
}

// Answer is the endpoint's supplement for ec2:DescribeInstanceAttribute; it
// leaves other attributes, and instances without user data, to the emulator.
func (s *Store) Answer(writer http.ResponseWriter, _ *http.Request, exchange awscall.Exchange) bool {
	attribute, _ := exchange.Parameters["Attribute"].(string)
	instance, _ := exchange.Parameters["InstanceId"].(string)
	s.mutex.Lock()
	text, known := s.byInstance[instance]
	s.mutex.Unlock()
	if !strings.EqualFold(attribute, "userData") || !known {
		return false
	}
	endpoint.WriteXML(writer, struct {
		XMLName   xml.Name `xml:"http://ec2.amazonaws.com/doc/2016-11-15/ DescribeInstanceAttributeResponse"`
		RequestID string   `xml:"requestId"`
		Instance  string   `xml:"instanceId"`
		UserData  string   `xml:"userData>value"`
	}{RequestID: endpoint.RequestID, Instance: instance, UserData: text})
	return true
}
