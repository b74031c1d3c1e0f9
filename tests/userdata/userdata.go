// Package userdata keeps the user data that instances are launched with, which
// the emulator forgets.
package userdata

import (
	"encoding/xml"
	"net/http"
	"strings"
	"sync"

	"ecsguardrails/tests/awscall"
	"ecsguardrails/tests/endpoint"
)

// Store holds the user data by instance, in Base64 as the API has it.
type Store struct {
	mutex      sync.Mutex
	byInstance map[string]string
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
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.byInstance == nil {
		s.byInstance = map[string]string{}
	}
	for _, instance := range answer.Instances {
		s.byInstance[instance] = text
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
