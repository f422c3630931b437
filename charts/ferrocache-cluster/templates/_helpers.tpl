{{- define "cluster.name" -}}
{{- $name := default .Release.Name .Values.fullnameOverride }}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$" $name) }}
{{- fail (printf "%q cannot be a cluster's name: it must begin with a letter, consist of at most 40 lower-case letters, digits and dashes, and not end with a dash; set fullnameOverride" $name) }}
{{- end }}
{{- $name }}
{{- end }}

{{- /* A map without what is null or empty, as YAML; maps inside likewise. false and 0 stay. */}}
{{- define "cluster.filled" -}}
{{- $filled := dict }}
{{- range $key, $value := . }}
{{- if kindIs "map" $value }}
{{- $inner := include "cluster.filled" $value | fromYaml }}
{{- if $inner }}{{- $_ := set $filled $key $inner }}{{- end }}
{{- else if kindIs "slice" $value }}
{{- if $value }}{{- $_ := set $filled $key $value }}{{- end }}
{{- else if kindIs "string" $value }}
{{- if $value }}{{- $_ := set $filled $key $value }}{{- end }}
{{- else if not (kindIs "invalid" $value) }}
{{- $_ := set $filled $key $value }}
{{- end }}
{{- end }}
{{- toYaml $filled }}
{{- end }}
