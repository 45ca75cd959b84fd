//! The OpenAPI document, made from the table of routes and the types that the handlers take and give.

use axum::{Router, http::Method, routing::MethodRouter};
use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use std::sync::Arc;

use crate::{App, problem};

/// A router that can't have a route without a description.
pub(crate) struct Documented {
    pub(crate) router: Router<Arc<App>>,
    generator: SchemaGenerator,
    asked: SchemaGenerator,
    paths: Map<String, Value>,
}

/// What is said of an operation.
pub(crate) struct Operation {
    about: &'static str,
    document: Map<String, Value>,
}

impl Documented {
    pub(crate) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self {
            router: Router::new(),
            generator: settings().for_serialize().into_generator(),
            asked: settings().for_deserialize().into_generator(),
            paths: Map::new(),
        }
    }

    /// An operation of a path, with what answers it.
    pub(crate) fn route(
        mut self,
        method: &Method,
        path: &str,
        handler: MethodRouter<Arc<App>>,
        describe: impl FnOnce(Describe<'_>) -> Operation,
    ) -> Self {
        let operation = describe(Describe {
            documented: &mut self,
            path,
        });
        let at = self
            .paths
            .entry(path.to_owned())
            .or_insert_with(|| json!({}));
        let mut document = operation.document;
        document.insert("summary".to_owned(), json!(operation.about));
        at[method.as_str().to_lowercase()] = Value::Object(document);
        self.router = self.router.route(path, handler);
        self
    }

    /// The router and the document.
    pub(crate) fn finish(mut self) -> (Router<Arc<App>>, Value) {
        let mut schemas = self.generator.take_definitions(true);
        schemas.extend(self.asked.take_definitions(true));
        let document = json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Podometer",
                "version": env!("CARGO_PKG_VERSION"),
                "description": "Orders, their runs and samples; loading and ending orders. Times are RFC 3339 in UTC; \
                    what isn't known is null.",
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "bearer": { "type": "http", "scheme": "bearer" },
                    "session": { "type": "apiKey", "in": "cookie", "name": crate::guard::COOKIE },
                },
            },
            // None is needed on loopback without a token.
            "security": [{}, { "bearer": [] }, { "session": [] }],
        });
        (self.router, document)
    }
}

/// Makes the description of an operation.
pub(crate) struct Describe<'a> {
    documented: &'a mut Documented,
    path: &'a str,
}

impl<'a> Describe<'a> {
    /// Begins.
    pub(crate) fn about(self, about: &'static str) -> Describing<'a> {
        let parameters = self
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = parameters.map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) })
        });
        Describing {
            parameters: parameters.collect(),
            documented: self.documented,
            about,
            document: Map::new(),
            responses: Map::new(),
        }
    }
}

/// An operation that is being described.
pub(crate) struct Describing<'a> {
    documented: &'a mut Documented,
    about: &'static str,
    document: Map<String, Value>,
    parameters: Vec<Value>,
    responses: Map<String, Value>,
}

impl Describing<'_> {
    /// Its query, a struct with a field for each parameter.
    pub(crate) fn query<T: JsonSchema>(mut self) -> Self {
        let schema = T::json_schema(&mut self.documented.asked);
        let required = schema.get("required").and_then(Value::as_array).cloned();
        let properties = schema.get("properties").and_then(Value::as_object).cloned();
        for (name, mut property) in properties.unwrap_or_default() {
            let about = property
                .as_object_mut()
                .and_then(|p| p.remove("description"));
            let is_required = required
                .as_ref()
                .is_some_and(|all| all.contains(&json!(name)));
            let mut parameter = json!({
                "name": name, "in": "query", "required": is_required, "schema": without_null(property),
            });
            if let Some(about) = about {
                parameter["description"] = about;
            }
            self.parameters.push(parameter);
        }
        self
    }

    /// What it takes, by media type.
    pub(crate) fn body(mut self, content: &[(&str, Value)]) -> Self {
        let content: Map<_, _> = content
            .iter()
            .map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema })))
            .collect();
        self.document.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
        self
    }

    /// The schema of a body as JSON.
    pub(crate) fn schema<T: JsonSchema>(&mut self) -> Schema {
        self.documented.asked.subschema_for::<T>()
    }

    /// It answers with this as JSON.
    pub(crate) fn json<T: JsonSchema>(self, status: u16, about: &str) -> Self {
        let schema = self.documented.generator.subschema_for::<T>();
        self.content(status, about, &[("application/json", schema.to_value())])
    }

    /// It answers with one of these.
    pub(crate) fn content(mut self, status: u16, about: &str, content: &[(&str, Value)]) -> Self {
        let mut response = json!({ "description": about });
        if !content.is_empty() {
            let content = content
                .iter()
                .map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema })));
            response["content"] = Value::Object(content.collect());
        }
        self.responses.insert(status.to_string(), response);
        self
    }

    /// A header of an answer.
    pub(crate) fn header(mut self, status: u16, name: &str, about: &str) -> Self {
        if let Some(response) = self.responses.get_mut(&status.to_string()) {
            response["headers"][name] =
                json!({ "description": about, "required": true, "schema": { "type": "string" } });
        }
        self
    }

    /// What can go wrong beside what can always go wrong.
    pub(crate) fn problems(mut self, problems: &[(u16, &str)]) -> Operation {
        let schema = self
            .documented
            .generator
            .subschema_for::<problem::ProblemBody<'_>>();
        let always = [
            (
                400,
                "Something in the request is wrong; the detail says what",
            ),
            (401, "A token is needed"),
            (
                403,
                "The request comes from a page of another site, or names another host",
            ),
            (500, "The server's log says why"),
            (503, "Something that it needs can't be reached"),
        ];
        for (status, about) in always.iter().chain(problems) {
            self = self.content(
                *status,
                about,
                &[(problem::MEDIA_TYPE, schema.clone().to_value())],
            );
        }
        let mut document = self.document;
        if !self.parameters.is_empty() {
            document.insert("parameters".to_owned(), Value::Array(self.parameters));
        }
        document.insert("responses".to_owned(), Value::Object(self.responses));
        Operation {
            about: self.about,
            document,
        }
    }
}

/// A parameter that is left out isn't null.
fn without_null(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        if let Some(kinds) = object.get_mut("type").and_then(Value::as_array_mut) {
            kinds.retain(|kind| kind != "null");
            if let [one] = kinds.as_slice() {
                let one = one.clone();
                object.insert("type".to_owned(), one);
            }
        }
        if let Some(any) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
            any.retain(|one| one != &json!({ "type": "null" }));
            if let [one] = any.as_slice() {
                let one = one.clone();
                object.remove("anyOf");
                if let Some(one) = one.as_object() {
                    object.extend(one.clone());
                }
            }
        }
        object.remove("default");
    }
    schema
}

/// The parts of paths.
fn path_schema(name: &str) -> Value {
    match name {
        "id" => {
            json!({ "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 34 })
        }
        "task" => {
            json!({ "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63 })
        }
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}
