package awscall

import (
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Internal is a call that a service of the emulator made for a principal without
// sending it through the endpoint, as CloudFormation does.
type Internal struct {
	// InvokedBy is the service, as in "cloudformation.amazonaws.com", and Stack
	// what it was working on.
	InvokedBy string `json:"invokedBy"`
	Stack     string `json:"stack"`
	Service   string `json:"service"`
	Operation string `json:"operation"`
	// Form has the parameters of a query service in its flat names, Parameters
	// those of a JSON service.
	Form       map[string]string `json:"form"`
	Parameters map[string]any    `json:"parameters"`
	Status     int               `json:"status"`
	// Response is the body of the answer.
	Response string `json:"response"`
}

// Exchange gives the call as if it had come over the network with the access key.
func (i Internal) Exchange(accessKey, region string, now time.Time) Exchange {
	exchange := Exchange{
		Call:       Call{Time: now, Caller: Person, Service: i.Service, Operation: i.Operation, Region: region},
		Parameters: i.Parameters, Protocol: JSON, Header: http.Header{}, AccessKey: accessKey, InvokedBy: i.InvokedBy,
	}
	if i.Form != nil {
		exchange.Protocol = Query
		form := url.Values{}
		for name, value := range i.Form {
			form.Set(name, value)
		}
		exchange.Parameters = decodeForm(form)
	} else if i.Parameters != nil {
		// Numbers stay as they were written, as in calls over the network.
		if body, err := json.Marshal(i.Parameters); err == nil {
			exchange.Parameters = decodeJSON(body)
		}
	}
	exchange.Call.Parameters = withoutSecrets(exchange.Parameters)
	exchange.Answered(i.Status, http.Header{}, []byte(i.Response))
	return exchange
}
