"use strict";
(function () {
  var form = document.getElementById("filter");
  if (!form) { return; }
  var field = function (id) { return document.getElementById(id); };
  var all = function (selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); };
  var names = ["text", "severity", "status", "kind", "code", "owner", "new"];
  var subjects = all("article").map(function (element) { return { element: element, words: null }; });
  var groups = all("details.cause");
  var value = function (name) {
    var of = field(name);
    return of.type === "checkbox" ? (of.checked ? "yes" : "") : of.value.trim();
  };
  var show = function () {
    var wanted = {};
    names.forEach(function (name) { wanted[name] = value(name); });
    var text = wanted.text.toLowerCase(), filtered = names.some(function (name) { return wanted[name]; }), shown = 0;
    subjects.forEach(function (subject) {
      var data = subject.element.dataset;
      var fits = ["severity", "status", "kind", "owner", "new"].every(function (name) { return !wanted[name] || wanted[name] === (data[name] || ""); });
      fits = fits ? !wanted.code || data.codes.split(" ").indexOf(wanted.code) >= 0 : false;
      if (fits ? text : false) {
        if (subject.words === null) { subject.words = subject.element.textContent.toLowerCase(); }
        fits = subject.words.indexOf(text) >= 0;
      }
      subject.element.hidden = !fits;
      if (fits) { shown += 1; }
    });
    groups.forEach(function (group) {
      var left = all("article:not([hidden])", group).length;
      group.hidden = left === 0;
      if (filtered ? 51 > left : false) { group.open = true; }
    });
    field("shown").textContent = shown.toLocaleString("en") + " shown";
    return wanted;
  };
  // The filter is in the address, so that it can be sent to a colleague.
  var remember = function () {
    var wanted = show(), parts = [];
    names.forEach(function (name) { if (wanted[name]) { parts.push(name + "=" + encodeURIComponent(wanted[name])); } });
    history.replaceState(null, "", parts.length ? "#" + parts.join("\u0026") : location.pathname + location.search);
  };
  var recall = function () {
    var hash = location.hash.slice(1), linked = hash.indexOf("=") === -1 ? document.getElementById(hash) : null;
    if (hash.indexOf("=") >= 0) {
      var wanted = {};
      hash.split("\u0026").forEach(function (part) {
        var at = part.indexOf("=");
        try { wanted[part.slice(0, at)] = decodeURIComponent(part.slice(at + 1)); } catch (ignored) { return; }
      });
      names.forEach(function (name) {
        var of = field(name);
        if (of.type === "checkbox") { of.checked = wanted[name] === "yes"; } else { of.value = wanted[name] || ""; if (of.value === "" ? wanted[name] : false) { of.selectedIndex = 0; } }
      });
    }
    show();
    if (linked) {
      var group = linked.closest("details");
      if (group) { group.open = true; }
      linked.scrollIntoView();
    }
  };
  var place = document.querySelector("main").dataset;
  var muteCommand = function (item) {
    var article = item.closest("article"), until = new Date(Date.now() + 90 * 86400000).toISOString().slice(0, 10);
    var subject = article.querySelector(".name").textContent.split("?versionId=")[0].replace(/'/g, "'\\''");
    return "go run ./functions/sweep mute --bucket " + place.bucket + (place.region ? " --region " + place.region : "") + " --code " + item.dataset.code + " --until " + until + " --reason 'WRITE WHY' --subject '" + subject + "'";
  };
  var button = function (label, text) {
    var of = document.createElement("button");
    of.type = "button";
    of.textContent = label;
    of.addEventListener("click", function () {
      navigator.clipboard.writeText(text()).then(function () { of.textContent = "Copied"; }, function () { window.prompt(label, text()); });
      setTimeout(function () { of.textContent = label; }, 2000);
    });
    return of;
  };
  // Buttons come when a cause is opened: thousands of them would take their time.
  var equip = function (group) {
    if (group.dataset.equipped) { return; }
    group.dataset.equipped = "yes";
    all("article li[data-code]", group).forEach(function (item) {
      var command = item.querySelector("pre"), fix = item.querySelector(".fix"), bar = document.createElement("p");
      bar.className = "buttons";
      if (command) { bar.appendChild(button("Copy command", function () { return command.textContent; }));
      } else if (fix) { bar.appendChild(button("Copy fix", function () { return fix.textContent; })); }
      if (place.bucket ? !item.classList.contains("info") : false) { bar.appendChild(button("Copy mute command", function () { return muteCommand(item); })); }
      if (bar.firstChild) { item.appendChild(bar); }
    });
  };
  groups.forEach(function (group) {
    group.addEventListener("toggle", function () { if (group.open) { equip(group); } });
    if (group.open) { equip(group); }
  });
  // What has the focus must not lie behind the bar.
  var room = function () { document.documentElement.style.scrollPaddingTop = getComputedStyle(form).position === "sticky" ? form.offsetHeight + 16 + "px" : ""; };
  form.addEventListener("input", remember);
  form.addEventListener("submit", function (event) { event.preventDefault(); remember(); });
  window.addEventListener("hashchange", recall);
  window.addEventListener("resize", room);
  window.addEventListener("beforeprint", function () { groups.forEach(function (group) { group.open = true; }); });
  form.hidden = false;
  recall();
  room();
})();
