--[[
---
name: glog
kind: decoder
summary: Parses the logs of programs that use glog or klog, such as Kubernetes.
config:
  type:
    type: string
    default: glog
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
I0501 12:00:00.123456    1234 server.go:95] listening on :8080

gives a Timestamp (UTC, in the year that puts it closest to now), Severity 6, Pid 1234, the fields file server.go and line 95, and
the Payload listening on :8080.

    inputs:
      kubelet: {type: file, path: /var/log/kubelet.log, decoder: glog}
--]]

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = require "glog".items(),
}
