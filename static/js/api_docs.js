// Shows the OpenAPI document with Swagger UI, which is not a module and lies on window.

const page = document.getElementById("api-docs");

window.SwaggerUIBundle({
  url: page.dataset.schema,
  domNode: page,
  deepLinking: true,
  layout: "BaseLayout",
  tryItOutEnabled: true,
  presets: [window.SwaggerUIBundle.presets.apis],
});
